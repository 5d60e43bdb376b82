//! gRPC servers with unary calls and streams.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus::{NotServing, Serving};
use tonic_health::pb::health_client::HealthClient;

use crate::recipe::Recipe;

const CLIENTS: u32 = 16;

#[test]
fn tonic() {
    let recipe = Recipe::start(env!("CARGO_BIN_EXE_tonic"), &[]);
    let url = recipe.wait_for("listening: ");
    let runtime = Runtime::new().expect("a runtime");
    let (mut calls, mut streams) = (JoinSet::new(), JoinSet::new());
    let progress = Arc::new(Semaphore::new(0));
    runtime.block_on(async {
        for _ in 0..CLIENTS {
            let endpoint = Channel::from_shared(url.clone()).expect("a URL");
            let client = HealthClient::new(endpoint.connect().await.expect("it listens"));
            calls.spawn(call(client.clone(), Arc::clone(&progress)));
            streams.spawn(watch(client, Arc::clone(&progress)));
        }
        _ = progress.acquire_many(5 * CLIENTS).await.expect("responses");
    });

    recipe.signal("TERM");
    let ended = recipe.end();
    let (responses, streams) =
        runtime.block_on(async { (calls.join_all().await, streams.join_all().await) });
    ended.assert_clean();
    assert_eq!(ended.number_of("calls are stored"), responses.into_iter().sum(), "{ended:#?}");
    for statuses in streams {
        assert_eq!(statuses, [Serving as i32, NotServing as i32], "a stream was cut");
    }
}

/// It never answers the GOAWAY.
#[test]
fn tonic_with_a_client_that_vanished() {
    let recipe = Recipe::start(env!("CARGO_BIN_EXE_tonic"), &[]);
    let address = recipe.wait_for("listening: http://");
    let mut client = TcpStream::connect(address).expect("it listens");
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("sent");
    client.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).expect("sent"); // settings, and nothing more
    let mut response = [0; 9];
    client.read_exact(&mut response).expect("the settings of the server");
    recipe.signal("TERM");
    recipe.end().assert_clean();
}

#[test]
fn http_and_grpc_says_that_it_stops() {
    let recipe = Recipe::start(env!("CARGO_BIN_EXE_http_and_grpc"), &[]);
    let url = recipe.wait_for("gRPC: ");
    let runtime = Runtime::new().expect("a runtime");
    let progress = Arc::new(Semaphore::new(0));
    let stream = runtime.block_on(async {
        let endpoint = Channel::from_shared(url).expect("a URL");
        let client = HealthClient::new(endpoint.connect().await.expect("it listens"));
        let stream = tokio::spawn(watch(client, Arc::clone(&progress)));
        _ = progress.acquire().await.expect("a status");
        stream
    });
    recipe.signal("TERM");
    recipe.end().assert_clean();
    let statuses = runtime.block_on(stream).expect("the stream ends in order");
    assert_eq!(statuses, [Serving as i32, NotServing as i32]);
}

/// Calls until the server is gone; returns the number of responses.
async fn call(mut client: HealthClient<Channel>, progress: Arc<Semaphore>) -> usize {
    let mut responses = 0;
    while client.check(HealthCheckRequest::default()).await.is_ok() {
        responses += 1;
        progress.add_permits(1);
    }
    responses
}

/// Reads a stream to its regular end.
async fn watch(mut client: HealthClient<Channel>, progress: Arc<Semaphore>) -> Vec<i32> {
    let stream = client.watch(HealthCheckRequest::default()).await;
    let mut stream = stream.expect("a stream").into_inner();
    let mut statuses = Vec::new();
    while let Some(message) = stream.message().await.expect("no error") {
        statuses.push(message.status);
        progress.add_permits(1);
    }
    statuses
}
