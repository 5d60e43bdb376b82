//! HTTPS: the handshake of tokio-rustls, with a certificate that is made at the start.
//!
//! ```sh
//! cargo run --example tls --features http
//! ```
//!
//! It prints its address. Send a request with `curl -k` from another terminal, and `kill` the process.
//! It exits with status 0 and prints nothing more.

use std::{error::Error, sync::Arc};

use axum::{Router, extract::Extension, routing::get};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use signoff::{Hooks, ShutdownSignal, Tokio, http::Server};
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, rustls};

/// The protocol that client and server have chosen: `h2` or `http/1.1`.
#[derive(Clone)]
struct Protocol(String);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl -k https://{}, and then press Ctrl-C", listener.local_addr()?);

    let acceptor = acceptor()?;
    let app = Router::new().route("/", get(hello));
    let server = Server::new(listener, app)
        .handshake(async move |tcp| {
            let stream = acceptor.accept(tcp).await?;
            let protocol = stream.get_ref().1.alpn_protocol().unwrap_or_default();
            let protocol = Protocol(String::from_utf8_lossy(protocol).into());
            std::io::Result::Ok((stream, protocol))
        })
        .map_request(|mut request, connection| {
            request.extensions_mut().insert(connection.info().clone());
            request
        });

    Hooks::new().exit_on(shutdown).serve(server).await?;
    Ok(())
}

fn acceptor() -> Result<TlsAcceptor, Box<dyn Error>> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".into()])?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der())?;
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    config.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn hello(Extension(Protocol(protocol)): Extension<Protocol>) -> String {
    format!("hello over {protocol}\n")
}
