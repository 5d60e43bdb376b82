use signoff::{HookSet, Hooks, ShutdownSignal, Tokio};
use std::{error::Error, io, time::Duration};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let resources = HookSet::new();
    let program = program(shutdown.clone(), resources.clone());

    Hooks::new()
        .include(&resources).within(Duration::from_secs(2)) // the limit of each hook
        .exit_on(shutdown)
        .run(program)
        .await?;
    Ok(())
}

async fn program(shutdown: ShutdownSignal, resources: HookSet) -> Result<(), Box<dyn Error>> {
    let Some(lease) = shutdown.run_until_requested(take_lease()).await else { return Ok(()) };
    let lease = lease?;
    resources.hook("lease", async move || lease.give_back().await)?.detach();

    let Some(listener) = shutdown.run_until_requested(bind()).await else { return Ok(()) };
    serve(listener?, shutdown).await?;
    Ok(())
}
