//! HTTPS through `handshake`.

use std::io;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use signoff::ShutdownSignal;
use signoff::http::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::time::timeout;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::common::BOUND;
use crate::server::{SECOND, app};

fn ends() -> (TlsAcceptor, TlsConnector) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".into()]).unwrap();
    let key = pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder().with_no_client_auth();
    let server = server.with_single_cert(vec![cert.der().clone()], key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)))
}

/// rustls fails with `UnexpectedEof` if a connection is closed without a word.
#[test]
fn a_request_is_answered_and_the_end_is_announced() {
    let (acceptor, connector) = ends();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = ShutdownSignal::manual();
        let server = Server::new(listener, app(stop.clone()))
            .linger(SECOND / 5)
            .handshake(async move |tcp| acceptor.accept(tcp).await);
        let server = tokio::spawn(server.serve(stop.clone()));

        // No TLS at all.
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let read = async {
            let mut bytes = Vec::new();
            plain.read_to_end(&mut bytes).await.map(|_| bytes)
        };
        let read = timeout(BOUND, read).await.expect("closed");
        assert!(!String::from_utf8_lossy(&read.unwrap_or_default()).contains("HTTP"));

        let tcp = TcpStream::connect(address).await.unwrap();
        let mut stream = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut text = String::new();
        while !text.ends_with("hello") {
            let mut bytes = [0; 512];
            let count = stream.read(&mut bytes).await.unwrap();
            text += std::str::from_utf8(&bytes[..count]).unwrap();
        }
        stop.request("test");
        let end: io::Result<usize> = timeout(BOUND, stream.read(&mut [0])).await.expect("closed");
        assert_eq!(end.expect("close_notify"), 0);
        drop(stream);
        server.await.unwrap().expect("a clean stop");
    });
}
