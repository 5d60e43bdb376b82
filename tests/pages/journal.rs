use signoff::{Hooks, ShutdownSignal, Tokio};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex};

type Journal = Arc<Mutex<BufWriter<File>>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let journal = Arc::new(Mutex::new(BufWriter::new(File::create("journal")?)));
    let program = program(Arc::clone(&journal), shutdown.clone());

    Hooks::new()
        .blocking("journal", move || match journal.lock() {
            Ok(mut journal) => journal.flush(),
            Err(_) => Err(io::Error::other("a task panicked while it wrote")),
        })
        .exit_on(shutdown)
        .run(program)
        .await?;
    Ok(())
}

async fn program(journal: Journal, shutdown: ShutdownSignal) -> io::Result<()> {
    let _folder = Folder::create()?; // dropped when `program` returns
    serve(&journal, shutdown).await
}
