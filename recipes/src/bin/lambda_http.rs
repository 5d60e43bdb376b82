//! lambda_http: an HTTP function that writes its visits when Lambda shuts the environment down.

use std::sync::atomic::{AtomicU64, Ordering};

use lambda_http::{Body, Error, Request, Response, service_fn};
use signoff::{Hooks, lambda};

static VISITS: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let hooks = Hooks::new().hook("store", store);
    // Registers the extension without which Lambda sends no SIGTERM.
    let _installed = lambda::install(hooks).on_report(|report| report.eprint()).await?;
    lambda_http::run(service_fn(visit)).await
}

async fn visit(request: Request) -> Result<Response<Body>, Error> {
    let visitor = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
    let path = request.uri().path();
    Ok(Response::new(format!("visitor {visitor} of {path}\n").into()))
}

async fn store() {
    println!("{} visits are stored", VISITS.load(Ordering::Relaxed));
}
