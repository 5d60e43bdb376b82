//! tonic: unary calls are answered, and streams end with a last message instead of using up the budget.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{error::Error, time::Duration};

use signoff::{Hooks, ShutdownSignal, Tokio, http::Server};
use tokio::{net::TcpListener, sync::mpsc, time::sleep};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, service::Routes};
// A service as it is generated from a .proto file: one call of each kind.
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

static CALLS: AtomicU64 = AtomicU64::new(0);

struct Service {
    shutdown: ShutdownSignal,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: http://{}", listener.local_addr()?);
    let routes = Routes::new(HealthServer::new(Service { shutdown: shutdown.clone() }));

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("store", async || println!("{} calls are stored", CALLS.load(Ordering::Relaxed)))
        .exit_on(shutdown)
        .serve(Server::new(listener, routes))
        .await?;
    Ok(())
}

#[tonic::async_trait]
impl Health for Service {
    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        CALLS.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(200)).await; // the work
        Ok(Response::new(status(ServingStatus::Serving)))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            _ = sender.send(Ok(status(ServingStatus::Serving))).await;
            // The client may leave first. The stream ends when the sender is dropped.
            if shutdown.run_until_requested(sender.closed()).await.is_none() {
                _ = sender.send(Ok(status(ServingStatus::NotServing))).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

fn status(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
