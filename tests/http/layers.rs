//! The layers and the readiness service, on servers of other crates.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::http::{HeaderMap, StatusCode, Version, header};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, serve};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use signoff::{InFlight, InFlightGuard, ShutdownSignal};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::task::AbortHandle;
use tower_layer::Layer;
use tower_service::Service;

use crate::server::{Client, app, start_app};
use crate::until;

/// Runs `axum::serve` while `test` runs.
fn with_axum(app: Router, test: impl FnOnce(Client)) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (address, _) = spawn_axum(runtime.handle(), app);
    test(Client::connect(address));
}

/// Starts `axum::serve`.
pub(crate) fn spawn_axum(runtime: &Handle, app: Router) -> (SocketAddr, AbortHandle) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let server = runtime.spawn(async { serve(listener, app).await });
    (address, server.abort_handle())
}

#[test]
fn a_request_counts_to_the_end_of_its_body() {
    let requests = InFlight::new();
    let app = app(ShutdownSignal::manual()).layer(requests.layer());
    with_axum(app, |mut client| {
        client.get("/");
        until("it has ended", || requests.count() == 0);
        client.ask("/stream?secret=1").head();
        until("it runs", || requests.count() == 1);
        assert_eq!(requests.entries()[0].name(), "GET /stream");
        drop(client); // hyper drops the body
        until("it has ended", || requests.count() == 0);
    });
}

#[test]
fn a_length_is_kept() {
    let app = app(ShutdownSignal::manual()).layer(InFlight::new().layer());
    with_axum(app, |mut client| {
        assert!(client.get("/").head.contains("content-length: 5"));
    });
}

#[test]
fn names_can_be_chosen() {
    let requests = InFlight::new();
    let by_host = requests.layer().name(|request| format!("to {:?}", request.headers["host"]));
    with_axum(app(ShutdownSignal::manual()).layer(by_host), |mut client| {
        client.ask("/stream").head();
        assert_eq!(requests.entries()[0].name(), "to \"here\"");
    });
}

#[test]
fn a_request_is_counted_once() {
    let (requests, others) = (InFlight::new(), InFlight::new());
    let stop = ShutdownSignal::manual();
    let app = app(stop.clone()).layer(others.layer()).layer(requests.layer());
    with_axum(app, |mut client| {
        client.ask("/slow");
        until("it runs", || requests.count() == 1);
        stop.request("now");
        client.response();
        assert_eq!((requests.count(), others.count()), (0, 0));
    });

    let inner = InFlight::new();
    let layer = inner.layer();
    let server = start_app(|app| app.layer(layer), |server| server);
    let mut client = server.connect();
    client.ask("/slow");
    until("it runs", || server.requests.count() == 1);
    assert_eq!(inner.count(), 0);
    server.release.request("now");
    client.response();
    server.stop();
}

#[test]
fn a_guard_keeps_counting() {
    let requests = InFlight::new();
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keeps = kept.clone();
    let handler = async move |Extension(guard): Extension<InFlightGuard>| {
        *keeps.lock().unwrap() = Some(guard);
    };
    let app = Router::new().route("/", get(handler)).layer(requests.layer());
    with_axum(app, |mut client| {
        client.get("/");
        assert_eq!(requests.count(), 1);
        drop(kept.lock().unwrap().take());
        until("it has ended", || requests.count() == 0);
    });
}

#[test]
fn responses_close_from_the_request_on() {
    let shutdown = ShutdownSignal::manual();
    let app = app(shutdown.clone()).layer(shutdown.connection_close());
    with_axum(app, |mut client| {
        assert!(!client.get("/").closes());
        shutdown.request("test");
        assert!(client.get("/").closes());
        client.is_closed();
    });
}

/// A service of hyper is a tower service in an adapter: the layers go inside.
#[test]
fn hyper_takes_the_layers() {
    let (requests, shutdown) = (InFlight::new(), ShutdownSignal::manual());
    let release = ShutdownSignal::manual();
    let service = shutdown.connection_close().layer(app(release.clone()));
    let service = TowerToHyperService::new(requests.layer().layer(service));
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let mut client = Client::connect(listener.local_addr().unwrap());
    runtime.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
    });
    assert!(!client.get("/").closes());
    client.ask("/slow");
    until("it is named", || requests.entries().iter().any(|entry| entry.name() == "GET /slow"));
    shutdown.request("test");
    release.request("now");
    let response = client.response();
    assert!(response.text() == "slow" && response.closes(), "{}", response.head);
    client.is_closed();
    until("it has ended", || requests.count() == 0);
}

/// Answers with this status and header.
#[derive(Clone)]
struct Answer(StatusCode, HeaderMap);

impl Service<Request> for Answer {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        let mut response = Response::new(Body::empty());
        (*response.status_mut(), *response.headers_mut()) = (self.0, self.1.clone());
        ready(Ok(response))
    }
}

#[test]
fn a_name_is_the_method_and_the_path() {
    let requests = InFlight::new();
    let named = |method, uri: &str| {
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
        let mut service = requests.layer().layer(Answer(StatusCode::OK, HeaderMap::new()));
        let _runs = service.call(request);
        requests.entries()[0].name().to_owned()
    };
    assert_eq!(named("GET", "/report?secret=1"), "GET /report");
    assert_eq!(named("POST", "http://here/a/b"), "POST /a/b");
    assert_eq!(named("CONNECT", "here:443"), "CONNECT here:443");
    assert_eq!(named("GET", "/it's"), "GET /it's");
    assert_eq!(named("GET", "/\u{9b}31m\u{202e}"), "GET /\\u{9b}31m\\u{202e}");
    let long = named("GET", &format!("/{}", "x".repeat(60_000)));
    assert_eq!(long, format!("GET /{}…", "x".repeat(74)));
    assert_eq!(named("GET", &format!("/{}", "x".repeat(75))).chars().count(), 80);
}

#[test]
fn upgrades_and_http2_are_left_alone() {
    let shutdown = ShutdownSignal::manual();
    shutdown.request("test");
    let connection = |version, status, before: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        if let Some(value) = before {
            headers.insert(header::CONNECTION, value.parse().unwrap());
        }
        let mut service = shutdown.connection_close().layer(Answer(status, headers));
        let request = Request::builder().version(version).body(Body::empty()).unwrap();
        let runtime = Builder::new_current_thread().build().unwrap();
        let response = runtime.block_on(service.call(request)).unwrap();
        let values = response.headers().get_all(header::CONNECTION).into_iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(connection(Version::HTTP_11, StatusCode::OK, None), ["close"]);
    assert_eq!(connection(Version::HTTP_10, StatusCode::OK, None), ["close"]);
    let kept = connection(Version::HTTP_11, StatusCode::OK, Some("keep-alive"));
    assert_eq!(kept, ["keep-alive", "close"]);
    let upgrade = connection(Version::HTTP_11, StatusCode::SWITCHING_PROTOCOLS, Some("upgrade"));
    assert_eq!(upgrade, ["upgrade"]);
    assert!(connection(Version::HTTP_2, StatusCode::OK, None).is_empty());
}

#[test]
fn readiness_fails_from_the_request_on() {
    let shutdown = ShutdownSignal::manual();
    let app = Router::new().route_service("/ready", shutdown.readiness());
    with_axum(app, |mut client| {
        let ready = client.get("/ready");
        assert_eq!((ready.status(), ready.text()), ("200", "ready\n"));
        shutdown.request("test");
        let stopping = client.get("/ready");
        assert_eq!((stopping.status(), stopping.text()), ("503", "stopping\n"));
    });
}
