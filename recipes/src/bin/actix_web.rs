//! actix-web 4 without its own signal handlers. It continues to serve while the readiness probe
//! fails, and then stops gracefully.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{error::Error, time::Duration};

use actix_web::http::StatusCode;
use actix_web::{App, HttpServer, get, rt, web};
use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};

static VISITS: AtomicU64 = AtomicU64::new(0);

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?; // actix runs on tokio
    let requests = InFlight::new();
    let data = web::Data::new(requests.clone());
    let readiness = web::Data::new(shutdown.clone());

    let app = move || {
        let app = App::new().app_data(data.clone()).app_data(readiness.clone());
        app.service(visit).service(ready)
    };
    let server = HttpServer::new(app)
        .workers(2)
        .disable_signals() // actix's own handlers drop all requests at Ctrl-C
        // Longer than the budget: else actix drops a request that hangs, and the report is clean.
        .shutdown_timeout(3600)
        .bind("127.0.0.1:0")?;
    println!("listening: curl http://{}", server.addrs()[0]);
    let server = server.run();

    Hooks::new()
        .budget(Duration::from_secs(10))
        .keep_serving(Duration::from_secs(1)) // longer than interval × threshold of the probe
        .hook("store", async || println!("{} visits are stored", VISITS.load(Ordering::Relaxed)))
        .within(Duration::from_secs(1))
        .exit_on(shutdown)
        .in_flight(&requests)
        .run_with(|drain| {
            // `HttpServer::shutdown_signal` does the same in one line, and takes 300 ms longer.
            let handle = server.handle();
            rt::spawn(async move {
                drain.await;
                handle.stop(true).await; // `server` returns after the last response
            });
            server
        })
        .await?;
    Ok(())
}

#[get("/ready")]
async fn ready(shutdown: web::Data<ShutdownSignal>) -> (&'static str, StatusCode) {
    if shutdown.is_requested() {
        ("stopping\n", StatusCode::SERVICE_UNAVAILABLE)
    } else {
        ("ready\n", StatusCode::OK)
    }
}

#[get("/")]
async fn visit(requests: web::Data<InFlight>) -> String {
    let visitor = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
    let _request = requests.enter("GET /");
    rt::time::sleep(Duration::from_millis(200)).await; // the work
    format!("visitor {visitor}\n")
}
