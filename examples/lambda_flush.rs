//! A function that sends its metrics after each invocation.
//!
//! Lambda freezes an environment between invocations, and may end it without a signal. So metrics and
//! traces must not wait for `SIGTERM`: a layer flushes them before the function requests its next
//! event. The hook flushes the rest, of an invocation that exceeded its timeout.
//!
//! ```sh
//! tests/rie-fetch # AWS's emulator
//! cargo build --example lambda_flush --features lambda
//! AWS_LAMBDA_FUNCTION_TIMEOUT=1 target/rie/aws-lambda-rie-* \
//!     --runtime-interface-emulator-address 127.0.0.1:9000 target/debug/examples/lambda_flush
//! curl --data 5 http://127.0.0.1:9000/2015-03-31/functions/function/invocations
//! curl --data 5000 http://127.0.0.1:9000/2015-03-31/functions/function/invocations # times out
//! ```
//!
//! The metrics are in `signoff-metrics.txt`, in the folder for temporary files.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, io, mem};

use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::util::ThenLayer;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use signoff::{Hooks, lambda};
use tokio::time;

static METRICS: Metrics = Metrics { lines: Mutex::new(Vec::new()) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let then_flush = ThenLayer::new(async |ended| {
        if let Err(error) = flush().await {
            eprintln!("metrics are lost: {error}");
        }
        ended
    });
    let runtime = Runtime::new(service_fn(handler)).layer(then_flush).layer(TracingLayer::new());
    let hooks = Hooks::new().hook("metrics", flush);
    lambda::install(hooks).on_report(|report| report.eprint()).serve(runtime).await
}

/// Works for as many milliseconds as the event says.
async fn handler(event: LambdaEvent<u64>) -> Result<&'static str, Error> {
    METRICS.add(format!("{} ms of work", event.payload));
    time::sleep(Duration::from_millis(event.payload)).await;
    Ok("done")
}

async fn flush() -> io::Result<()> {
    METRICS.flush().await
}

/// Metrics that are kept in memory until they are flushed.
struct Metrics {
    lines: Mutex<Vec<String>>,
}

impl Metrics {
    fn add(&self, line: String) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    async fn flush(&self) -> io::Result<()> {
        let lines = mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        time::sleep(Duration::from_millis(20)).await; // a real backend takes time too
        let path = env::temp_dir().join("signoff-metrics.txt");
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        lines.iter().try_for_each(|line| writeln!(file, "{line}"))
    }
}
