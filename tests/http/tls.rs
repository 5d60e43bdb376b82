//! HTTPS through `handshake`.

use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::common::BOUND;
use crate::http2::{self, finishes_a_stream};
use crate::server::{SECOND, Started, start};

/// Starts a server that prefers HTTP/2, and returns what a client with this protocol needs.
fn start_tls(protocol: &str) -> (Started, TlsConnector) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".into()]).unwrap();
    let key = pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder().with_no_client_auth();
    let mut server = server.with_single_cert(vec![cert.der().clone()], key).unwrap();
    server.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let mut client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![protocol.into()];
    let server = start(|server| {
        server.linger(2 * SECOND).handshake(async move |tcp| acceptor.accept(tcp).await)
    });
    (server, TlsConnector::from(Arc::new(client)))
}

async fn connect(address: SocketAddr, connector: TlsConnector) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(address).await.unwrap();
    connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap()
}

/// Sends a request and reads a response that ends with these words.
async fn ask(stream: &mut TlsStream<TcpStream>, path: &str, end: &str) {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    read_until(stream, end).await;
}

async fn read_until(stream: &mut TlsStream<TcpStream>, end: &str) {
    let (mut text, mut bytes) = (String::new(), [0; 512]);
    while !text.ends_with(end) {
        let count = stream.read(&mut bytes).await.expect("open");
        assert_ne!(count, 0, "closed after {text:?}");
        text += std::str::from_utf8(&bytes[..count]).unwrap();
    }
}

/// rustls fails with `UnexpectedEof` if a connection is closed without a word.
#[test]
fn a_request_is_answered_and_the_end_is_announced() {
    let (server, connector) = start_tls("http/1.1");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // No TLS at all.
        let mut plain = TcpStream::connect(server.address).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let read = async {
            let mut bytes = Vec::new();
            plain.read_to_end(&mut bytes).await.map(|_| bytes)
        };
        let read = timeout(BOUND, read).await.expect("closed");
        assert!(!String::from_utf8_lossy(&read.unwrap_or_default()).contains("HTTP"));

        let mut idle = connect(server.address, connector.clone()).await;
        ask(&mut idle, "/", "hello").await;
        let mut stream = connect(server.address, connector).await;
        ask(&mut stream, "/stream", "\r\n\r\n").await;
        server.shutdown.request("test");
        server.release.request("now");
        read_until(&mut stream, "0\r\n\r\n").await; // the last chunk
        for mut stream in [idle, stream] {
            let end = timeout(BOUND, stream.read(&mut [0])).await.expect("closed");
            assert_eq!(end.expect("close_notify"), 0);
        }
    });
    server.ends().expect("a clean stop");
}

#[test]
fn a_stream_of_http2_is_finished() {
    let (server, connector) = start_tls("h2");
    let stream = async {
        let stream = connect(server.address, connector).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream
    };
    let client = http2::Client::over(stream, http2::WINDOW);
    let ended = finishes_a_stream(server, client);
    // The client announces its end, too, and the server may have closed the socket.
    let kind = ended.err().map(|error| error.get_io().expect("an error of the socket").kind());
    assert!(matches!(kind, None | Some(BrokenPipe | ConnectionReset)), "{kind:?}");
}
