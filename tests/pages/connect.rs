use signoff::{Hooks, ShutdownSignal, Tokio};
use std::{error::Error, io};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let Some(pool) = shutdown.run_until_requested(connect()).await else {
        return Ok(()); // the signal came first, and `connect` was dropped
    };
    let pool = pool?;

    let server = serve(pool.clone(), shutdown.clone());
    Hooks::new()
        .hook("database", async move || pool.close().await)
        .exit_on(shutdown)
        .run(server)
        .await?;
    Ok(())
}
