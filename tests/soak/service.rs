//! The service: each reload replaces the part that serves the connections, and what can be made for
//! a part is made, used and dropped.

use std::error::Error;
use std::io;
use std::mem;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use signoff::hooks::Event;
use signoff::{Blocking, HookSet, Hooks, InFlight, Report, RequestGuard, ShutdownSignal, Signal};
use signoff::{SignalStream, Signals, Tokio};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::common::say;
use super::heap;

pub(crate) fn child() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(run()).expect("the service runs");
}

async fn run() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let reloads = Signals::new([Signal::Hangup]).stream(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say("ready");
    say(listener.local_addr()?);
    let connections = HookSet::new();
    Hooks::new()
        .budget(Duration::from_secs(20))
        .include(&connections)
        .exit_on(shutdown.clone())
        .on_report(|report| {
            say(if report.is_clean() { "clean".into() } else { report.to_string() });
        })
        .run(serve(listener, reloads, shutdown, connections))
        .await?;
    Ok(())
}

async fn serve(
    listener: TcpListener,
    mut reloads: SignalStream,
    mut shutdown: ShutdownSignal,
    connections: HookSet,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut part = Part::start(&shutdown);
    let mut count = 0;
    loop {
        let parent = shutdown.clone();
        tokio::select! {
            () = &mut shutdown => break,
            _ = reloads.recv() => {
                let old = mem::replace(&mut part, Part::start(&parent));
                let report = old.stop().await;
                assert!(report.is_clean(), "{report}");
                listen_again()?;
                count += 1;
                say(format!("reload {count}"));
            }
            accepted = listener.accept() => {
                let hook = connections.hook("connection", async || {}).ok();
                let connection = part.connection(accepted?.0);
                tokio::spawn(async move { (connection.await, drop(hook)) });
            }
        }
    }
    let report = part.stop().await;
    assert!(report.is_clean(), "{report}");
    Ok(())
}

/// Serves the connections that are accepted between two reloads.
struct Part {
    signal: ShutdownSignal,
    connections: InFlight,
    hooks: HookSet,
    worker: JoinHandle<()>,
    guard: RequestGuard,
}

impl Part {
    fn start(parent: &ShutdownSignal) -> Self {
        let signal = parent.child();
        let worker = signal.clone();
        let worker = thread::spawn(move || {
            worker.wait();
            assert!(worker.channel().recv().is_err(), "it yields nothing");
        });
        let guard = signal.request_on_drop("part");
        Self { signal, connections: InFlight::new(), hooks: HookSet::new(), worker, guard }
    }

    fn connection(&self, stream: TcpStream) -> impl Future<Output = ()> + use<> {
        let (signal, connections) = (self.signal.child(), self.connections.clone());
        let name = stream.peer_addr().map_or("gone".into(), |peer| format!("connection {peer}"));
        let hook = self.hooks.hook(name.clone(), async || {}).ok();
        let guard = connections.enter(name);
        async move {
            let _ = answer(stream, &signal, &connections).await; // the client may close it
            drop((hook, guard));
        }
    }

    async fn stop(self) -> Report {
        let Self { signal, connections, hooks, worker, guard } = self;
        guard.disarm();
        signal.request("reloaded");
        let (sender, _events) = mpsc::channel();
        Hooks::new()
            .budget(Duration::from_secs(10))
            .observe(move |event: &Event| _ = sender.send(event.clone()))
            .include(&hooks)
            .hook("connections", move || connections.drained())
            .then()
            .blocking("worker", move || worker.join().expect("no panic"))
            .run_on(signal)
            .await
    }
}

/// One line is one request.
async fn answer(
    stream: TcpStream,
    signal: &ShutdownSignal,
    connections: &InFlight,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while let Some(read) = signal.run_until_requested(stream.read_line(&mut line)).await {
        if read? == 0 {
            return Ok(());
        }
        let request = connections.enter("request");
        let answer = match line.trim_end() {
            "rest" => format!("{} {}\n", connections.count() - 1, heap::in_use()),
            _ => "done\n".into(),
        };
        stream.write_all(answer.as_bytes()).await?;
        drop(request);
        line.clear();
    }
    stream.write_all(b"goodbye\n").await?;
    // A connection that is closed with a request in it would be reset, and the answer lost.
    tokio::io::copy_buf(&mut stream, &mut tokio::io::sink()).await.map(drop)
}

/// Other parts of a program may listen, too, and stop listening.
fn listen_again() -> Result<(), signoff::Error> {
    drop(ShutdownSignal::listen(Tokio)?);
    drop(ShutdownSignal::listen(Blocking)?.child());
    drop(Signals::new([Signal::Other(libc::SIGUSR1)]).stream(Blocking)?);
    Ok(())
}
