//! A function that counts its visitors in memory, and writes them to its store when Lambda shuts the
//! environment down.
//!
//! ```sh
//! tests/rie-fetch # AWS's emulator
//! cargo build --example lambda --features lambda
//! target/rie/aws-lambda-rie-* --runtime-interface-emulator-address 127.0.0.1:9000 \
//!     target/debug/examples/lambda
//! curl --data '"Ada"' http://127.0.0.1:9000/2015-03-31/functions/function/invocations
//! ```
//!
//! Press Ctrl-C: the emulator shuts the environment down, and the store is closed before the function
//! exits. In a package of its own the example works the same with `cargo lambda watch`.
//!
//! ```text
//! 2 of 2 hooks done in 20 ms of 450 ms, requested by SIGTERM from pid 4242 (uid 0)
//! 1  invocation  |.                           |  done            0 ms
//!    store       |==                          |  done           20 ms
//! ```

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use signoff::{Hooks, lambda};
use tokio::sync::Mutex;
use tokio::time;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let store = Arc::new(Store::default());
    let hooks = Hooks::new().hook("store", {
        let store = Arc::clone(&store);
        async move || store.close().await
    });

    let handler = service_fn(|event: LambdaEvent<Value>| visit(&store, event));
    lambda::install(hooks).on_report(|report| report.eprint()).run(handler).await
}

async fn visit(store: &Store, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let visitor = event.payload.as_str().unwrap_or("anonymous").to_owned();
    Ok(json!({ "visitors": store.add(visitor).await }))
}

/// A store that keeps new visitors in memory until it is closed.
#[derive(Default)]
struct Store {
    visitors: Mutex<Vec<String>>,
}

impl Store {
    async fn add(&self, visitor: String) -> usize {
        let mut visitors = self.visitors.lock().await;
        visitors.push(visitor);
        visitors.len()
    }

    async fn close(&self) -> io::Result<()> {
        time::sleep(Duration::from_millis(20)).await; // a real store takes time too
        let visitors = self.visitors.lock().await.join("\n");
        let path = env::temp_dir().join("signoff-visitors.txt");
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{visitors}")
    }
}
