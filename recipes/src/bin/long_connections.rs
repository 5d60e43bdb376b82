//! WebSockets and long polls that end at the signal and do not use up the budget.

use std::{error::Error, time::Duration};

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::{Router, http::StatusCode, response::Response, routing::get};
use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};
use tokio::sync::watch;
use tokio::{net::TcpListener, time::timeout};

#[derive(Clone)]
struct App {
    news: watch::Sender<String>,
    sockets: InFlight,
    shutdown: ShutdownSignal,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let sockets = InFlight::new();
    let news = watch::Sender::default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}/poll", listener.local_addr()?);
    let app = Router::new()
        .route("/poll", get(poll))
        .route("/socket", get(upgrade))
        .with_state(App { news, sockets: sockets.clone(), shutdown: shutdown.clone() });
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown.clone());

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("sockets", move || sockets.drained()) // axum does not wait for WebSockets
        .exit_on(shutdown)
        .run(server)
        .await?;
    Ok(())
}

/// Responds with the next message. At the signal it responds 204, and the client polls again.
async fn poll(State(app): State<App>) -> Result<String, StatusCode> {
    let mut news = app.news.subscribe();
    let changed = app.shutdown.run_until_requested(news.changed()).await;
    changed.map(|_| news.borrow().clone()).ok_or(StatusCode::NO_CONTENT)
}

async fn upgrade(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    let open = app.sockets.enter("socket"); // counts from here on, before the upgrade is complete
    upgrade.on_upgrade(async move |socket| {
        publish(socket, app).await;
        drop(open);
    })
}

/// Passes on what the client sends. At the signal it closes the connection as RFC 6455 asks.
async fn publish(mut socket: WebSocket, app: App) {
    while let Some(Some(Ok(message))) = app.shutdown.run_until_requested(socket.recv()).await {
        match message {
            Message::Text(text) => _ = app.news.send_replace(text.to_string()),
            Message::Close(_) => return,
            _ => {}
        }
    }
    let frame = CloseFrame { code: close_code::AWAY, reason: "shutdown".into() };
    let leave = async {
        socket.send(Message::Close(Some(frame))).await?;
        while socket.recv().await.transpose()?.is_some() {} // until the client has closed, too
        Ok::<_, axum::Error>(())
    };
    _ = timeout(Duration::from_secs(2), leave).await; // the client may be gone
}
