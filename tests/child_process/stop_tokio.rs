/// Asks the child and its own children to stop, and kills them shortly before the deadline.
async fn stop(mut child: Child, context: &HookContext) -> io::Result<()> {
    let patience = context.time_left().map_or(Duration::MAX, |left| left.mul_f32(0.9));
    let Some(group) = child.id() else { return Ok(()) }; // it has been waited for
    Signal::Terminate.send_to_group(group)?;
    let is_late = timeout(patience, child.wait()).await.is_err();
    let _ = Signal::Other(9).send_to_group(group); // SIGKILL; an error if none is left
    if is_late {
        child.wait().await?;
        return Err(io::Error::other("killed: it did not stop in time"));
    }
    Ok(())
}
