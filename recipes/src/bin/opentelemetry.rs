//! OpenTelemetry: the last stage exports what is buffered, spans of the other hooks included.

use std::{error::Error, time::Duration};

use axum::{Router, routing::get};
use opentelemetry::global;
use opentelemetry::trace::{Span, Tracer};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_stdout::SpanExporter;
use signoff::{Hooks, ShutdownSignal, Tokio};
use tokio::{net::TcpListener, time::sleep};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    // Batches: a span can wait for five seconds until it is exported.
    let exporter = SpanExporter::default();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    global::set_tracer_provider(provider.clone());

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}", listener.local_addr()?);
    let app = Router::new().route("/", get(visit));
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown.clone());

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("database", close_database)
        .then()
        // It blocks. With an exporter that needs tokio's timers and sockets it works, too.
        .blocking("telemetry", move || provider.shutdown())
        .within(Duration::from_secs(3))
        .exit_on(shutdown)
        .run(server)
        .await?;
    Ok(())
}

async fn visit() -> &'static str {
    let mut span = global::tracer("recipe").start("GET /");
    sleep(Duration::from_millis(200)).await; // the work
    span.end();
    "hello\n"
}

async fn close_database() {
    let mut span = global::tracer("recipe").start("close the database");
    sleep(Duration::from_millis(50)).await;
    span.end();
}
