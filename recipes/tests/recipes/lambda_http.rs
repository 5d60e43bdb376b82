//! A function in AWS's Runtime Interface Emulator, which `tests/rie-fetch` downloads.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs, thread, time::Duration};

use crate::recipe::{BOUND, Recipe};
use crate::skipped::skipped;

/// An event of API Gateway (payload format 2.0).
const EVENT: &str = r#"{"version":"2.0","routeKey":"$default","rawPath":"/hello","rawQueryString":"",
"headers":{"host":"example"},"requestContext":{"accountId":"1","apiId":"a","domainName":"example",
"http":{"method":"GET","path":"/hello","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"t"},
"requestId":"r","routeKey":"$default","stage":"$default","time":"0","timeEpoch":0},"isBase64Encoded":false}"#;

const INVOCATIONS: usize = 50;

#[test]
fn lambda_http() {
    let Some(emulator) = emulator() else {
        return skipped("there is no emulator: run tests/rie-fetch");
    };
    let [address, api] = [free_address(), free_address()];
    let recipe = Recipe::run(
        Command::new(emulator)
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--runtime-api-address", &api.to_string()])
            .arg(env!("CARGO_BIN_EXE_lambda_http")),
    );
    wait_for(address);
    for visitor in 1..=INVOCATIONS {
        let response = invoke(address).expect("a response");
        let body = format!("visitor {visitor} of /hello");
        assert!(response.contains("\"statusCode\":200") && response.contains(&body), "{response}");
    }

    recipe.signal("TERM"); // the emulator shuts the environment down
    let ended = recipe.end();
    assert_eq!(ended.number_of("visits are stored"), INVOCATIONS);
    // The emulator writes both outputs of the function to its standard output.
    let report = ended.lines.iter().any(|line| {
        line.starts_with("1 of 1 hooks done in ") && line.contains("requested by SIGTERM from pid ")
    });
    assert!(report, "{ended:#?}");
}

fn emulator() -> Option<PathBuf> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let files = fs::read_dir(crate_folder.join(target).join("rie")).ok()?;
    let mut files = files.flatten().map(|file| file.path());
    files.find(|file| {
        file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("aws-lambda-rie-"))
    })
}

fn invoke(address: SocketAddr) -> io::Result<String> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(BOUND))?;
    let path = "/2015-03-31/functions/function/invocations";
    let length = EVENT.len();
    write!(
        client,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{EVENT}"
    )?;
    let mut response = String::new();
    client.read_to_string(&mut response)?;
    Ok(response)
}

fn wait_for(address: SocketAddr) {
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < BOUND, "the emulator does not start");
        thread::sleep(Duration::from_millis(5));
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}
