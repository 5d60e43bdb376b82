//! What a shutdown handler adds to the cold start of a Lambda function: time from the start of the
//! process to the first request for an event, crates, size.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::stats::{Shuffle, median, short, table};
use crate::weight::{Built, Program, build};

const ROUNDS: usize = 400;
const WARM_UP: usize = 10;

const DEPENDENCIES: &str = r#"serde_json = "1"
tokio = { version = "1", features = ["macros", "rt"] }
lambda_runtime = { version = "1.5", default-features = false "#;

const FUNCTIONS: &[Program] = &[
    Program { name: "no handler", dependencies: "}", main: "" },
    Program {
        name: "**signoff**",
        dependencies: r#"}
signoff = { path = "SIGNOFF", features = ["lambda"] }"#,
        main: "let _installed = signoff::lambda::set_graceful_shutdown_handler(async || {}).await.unwrap();",
    },
    Program {
        name: "lambda_runtime's helper",
        dependencies: r#", features = ["graceful-shutdown"] }"#,
        main: "lambda_runtime::spawn_graceful_shutdown_handler(async || {}).await;",
    },
];

pub fn print() {
    let built: Vec<Built> = FUNCTIONS.iter().map(built).collect();
    let times = times(&built);
    let row = |index: usize| {
        let (this, base) = (&built[index], &built[0]);
        let mut row = vec![FUNCTIONS[index].name.to_owned()];
        for (value, base) in [
            (times[index], times[0]),
            (this.crates as f64, base.crates as f64),
            (this.kib, base.kib),
        ] {
            row.extend([short(value), short(value - base)]);
        }
        row
    };
    let rows: Vec<Vec<String>> = (0..FUNCTIONS.len()).map(row).collect();
    let head = ["handler", "first /next, ms", "added", "crates", "added", "stripped, KiB", "added"];
    table("Cold start of a Lambda function", &head, &rows);
}

fn built(function: &Program) -> Built {
    let dependencies = format!("{DEPENDENCIES}{}", function.dependencies);
    let main = format!(
        "use lambda_runtime::{{Error, LambdaEvent, service_fn}};
        #[tokio::main(flavor = \"current_thread\")]
        async fn main() -> Result<(), Error> {{
            {}
            lambda_runtime::run(service_fn(handler)).await
        }}
        async fn handler(event: LambdaEvent<serde_json::Value>) -> Result<serde_json::Value, Error> {{
            Ok(event.payload)
        }}",
        function.main
    );
    let (dependencies, main) = (dependencies.leak(), main.leak());
    build(&Program { name: function.name, dependencies, main }).expect("it builds")
}

/// Returns milliseconds from before `fork` to the arrival of the request. The functions take turns.
fn times(built: &[Built]) -> Vec<f64> {
    let mut times = vec![Vec::new(); built.len()];
    let (api, first_next) = serve();
    let mut shuffle = Shuffle::new();
    for round in 0..WARM_UP + ROUNDS {
        for index in shuffle.order(built.len()) {
            let time = start(&built[index], api, &first_next);
            if round >= WARM_UP {
                times[index].push(time.as_secs_f64() * 1e3);
            }
        }
    }
    times.iter_mut().map(|times| median(times)).collect()
}

fn start(built: &Built, api: SocketAddr, first_next: &Receiver<Instant>) -> Duration {
    let begun = Instant::now();
    let mut function = Command::new(&built.program)
        .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "function")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .stdin(Stdio::null())
        .spawn()
        .expect("the function starts");
    let arrived = first_next.recv_timeout(Duration::from_secs(10)).expect("it asks for an event");
    let _ = function.kill();
    let _ = function.wait();
    arrived - begun
}

/// A Runtime API that registers every extension and has no events. Sends the time of each request for
/// one.
fn serve() -> (SocketAddr, Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let (asked, first_next) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let asked = asked.clone();
            thread::spawn(move || answer(stream, &asked));
        }
    });
    (address, first_next)
}

fn answer(mut stream: TcpStream, asked: &mpsc::Sender<Instant>) {
    const REGISTERED: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
        Lambda-Extension-Identifier: 6d2cf6a8-43ad-4f0c-b0aa-8cbcb1d1a1d2\r\n\
        Content-Length: 64\r\n\r\n\
        {\"functionName\":\"f\",\"functionVersion\":\"1\",\"handler\":\"bootstrap\"}";
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        let request = String::from_utf8_lossy(&buffer[..read]);
        if request.contains("/runtime/invocation/next") {
            let _ = asked.send(Instant::now());
        } else if request.contains("/extension/register") {
            let _ = stream.write_all(REGISTERED.as_bytes());
        }
    }
}
