//! A synchronous HTTP server: threads answer requests, without an async runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::{error::Error, time::Duration};

use signoff::{Blocking, Hooks, ShutdownSignal};
use tiny_http::{Response, Server};

const THREADS: usize = 4;

static VISITS: AtomicU64 = AtomicU64::new(0);

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let shutdown = ShutdownSignal::listen(Blocking)?;
    let server = Arc::new(Server::http("127.0.0.1:0")?);
    println!("listening: curl http://{}", server.server_addr());
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || serve(&server))
        })
        .collect();

    let guard = Hooks::new()
        .budget(Duration::from_secs(10))
        .blocking("server", move || stop(&server, threads))
        .then()
        .blocking("store", || println!("{} visits are stored", VISITS.load(Ordering::Relaxed)))
        .exit_on(shutdown.clone())
        .start()?;
    shutdown.wait();
    guard.join(); // the hooks exit the process
    Ok(())
}

fn serve(server: &Server) {
    // After `unblock`, `recv` fails once the requests that were queued before it are taken.
    while let Ok(request) = server.recv() {
        let visitor = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
        thread::sleep(Duration::from_millis(200)); // the work
        let response = Response::from_string(format!("visitor {visitor}\n"));
        _ = request.respond(response); // fails if the client is gone
    }
}

fn stop(server: &Server, threads: Vec<JoinHandle<()>>) -> Result<(), &'static str> {
    threads.iter().for_each(|_| server.unblock()); // each call unblocks one thread
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    Ok(())
}
