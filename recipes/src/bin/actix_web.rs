//! actix-web 4 without its own signal handlers: the shutdown signal stops the server gracefully.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{error::Error, time::Duration};

use actix_web::{App, HttpServer, get, rt, web};
use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};

static VISITS: AtomicU64 = AtomicU64::new(0);

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?; // actix runs on tokio
    let requests = InFlight::new();
    let data = web::Data::new(requests.clone());

    let server = HttpServer::new(move || App::new().app_data(data.clone()).service(visit))
        .workers(2)
        .disable_signals() // actix's own handlers drop all requests at Ctrl-C
        // Longer than the budget: else actix drops a request that hangs, and the report is clean.
        .shutdown_timeout(3600)
        .bind("127.0.0.1:0")?;
    println!("listening: curl http://{}", server.addrs()[0]);
    let server = server.run();

    // `HttpServer::shutdown_signal` does the same in one line, and takes 300 ms longer.
    let (handle, signal) = (server.handle(), shutdown.clone());
    rt::spawn(async move {
        signal.await;
        handle.stop(true).await; // `server` returns after the last response
    });

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("store", async || println!("{} visits are stored", VISITS.load(Ordering::Relaxed)))
        .within(Duration::from_secs(1))
        .exit_on(shutdown)
        .in_flight(&requests)
        .run(server)
        .await?;
    Ok(())
}

#[get("/")]
async fn visit(requests: web::Data<InFlight>) -> String {
    let visitor = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
    let _request = requests.enter("GET /");
    rt::time::sleep(Duration::from_millis(200)).await; // the work
    format!("visitor {visitor}\n")
}
