/// Asks the child and its own children to stop, and kills them shortly before the deadline.
fn stop(mut child: Child, context: &HookContext) -> io::Result<()> {
    let start = Instant::now();
    let patience = context.time_left().map_or(Duration::MAX, |left| left.mul_f32(0.9));
    if child.try_wait()?.is_none() { // else its id can be that of another process
        Signal::Terminate.send_to_group(child.id())?;
    }
    while child.try_wait()?.is_none() && start.elapsed() < patience {
        thread::sleep(Duration::from_millis(10));
    }
    let is_late = child.try_wait()?.is_none();
    let _ = Signal::Other(9).send_to_group(child.id()); // SIGKILL; an error if none is left
    if is_late {
        child.wait()?;
        return Err(io::Error::other("killed: it did not stop in time"));
    }
    Ok(())
}
