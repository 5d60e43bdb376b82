//! What a library adds to a program: crates, build time, size. One minimal program for each, that
//! waits for SIGTERM; release, stripped, built from nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;
use std::{fs, io};

use crate::stats::{short, table};

pub struct Program {
    pub name: &'static str,
    pub dependencies: &'static str,
    pub main: &'static str,
}

const TOKIO: &str = r#"tokio = { version = "1", features = ["rt", "signal"] }
"#;

/// What follows `TOKIO` is on top of a program that has a runtime already.
const PROGRAMS: &[Program] = &[
    Program { name: "empty main", dependencies: "", main: "fn main() {}" },
    Program {
        name: "**signoff, blocking**",
        dependencies: r#"signoff = { path = "SIGNOFF", features = ["blocking"] }"#,
        main: "fn main() { signoff::ShutdownSignal::listen(signoff::Blocking).unwrap().wait(); }",
    },
    Program {
        name: "**signoff, smol**",
        dependencies: r#"signoff = { path = "SIGNOFF", features = ["smol"] }
            async-io = "2""#,
        main: "fn main() {
            async_io::block_on(signoff::ShutdownSignal::listen(signoff::Smol).unwrap());
        }",
    },
    Program {
        name: "signal-hook",
        dependencies: r#"signal-hook = "0.4""#,
        main: "fn main() {
            signal_hook::iterator::Signals::new([2, 15]).unwrap().forever().next();
        }",
    },
    Program {
        name: "ctrlc",
        dependencies: r#"ctrlc = { version = "3", features = ["termination"] }"#,
        main: "fn main() {
            let (sender, receiver) = std::sync::mpsc::channel();
            ctrlc::set_handler(move || sender.send(()).unwrap()).unwrap();
            receiver.recv().unwrap();
        }",
    },
    Program {
        name: "async-signal on async-io",
        dependencies: r#"async-signal = "0.2"
            async-io = "2"
            futures-lite = "2""#,
        main: "use async_signal::{Signal, Signals};
        fn main() {
            let mut signals = Signals::new([Signal::Term, Signal::Int]).unwrap();
            async_io::block_on(futures_lite::StreamExt::next(&mut signals));
        }",
    },
    Program {
        name: "tokio (rt, signal)",
        dependencies: TOKIO,
        main: "use tokio::signal::unix::{SignalKind, signal};
        fn main() { run(async {
            let mut terminate = signal(SignalKind::terminate()).unwrap();
            let mut interrupt = signal(SignalKind::interrupt()).unwrap();
            let terminate = std::pin::pin!(terminate.recv());
            let interrupt = std::pin::pin!(interrupt.recv());
            Either(terminate, interrupt).await;
        }) }
        struct Either<A, B>(A, B);
        impl<A: Future + Unpin, B: Future + Unpin> Future for Either<A, B> {
            type Output = ();
            fn poll(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<()> {
                let one = std::pin::Pin::new(&mut self.0).poll(cx).is_ready();
                let two = std::pin::Pin::new(&mut self.1).poll(cx).is_ready();
                if one || two { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            }
        }",
    },
    Program {
        name: "**signoff, tokio**",
        dependencies: r#"signoff = { path = "SIGNOFF", features = ["tokio"] }"#,
        main: "fn main() { run(async {
            signoff::ShutdownSignal::listen(signoff::Tokio).unwrap().await;
        }) }",
    },
    Program {
        name: "tokio::signal + CancellationToken",
        dependencies: r#"tokio-util = { version = "0.7", default-features = false }"#,
        main: "fn main() { run(async {
            let token = tokio_util::sync::CancellationToken::new();
            let wait = token.clone();
            tokio::spawn(async move {
                let kind = tokio::signal::unix::SignalKind::terminate();
                tokio::signal::unix::signal(kind).unwrap().recv().await;
                token.cancel();
            });
            wait.cancelled().await;
        }) }",
    },
    Program {
        name: "tokio-graceful",
        dependencies: r#"tokio-graceful = "0.2""#,
        main: "fn main() { run(async {
            tokio_graceful::Shutdown::default().guard_weak().cancelled().await;
        }) }",
    },
    Program {
        name: "tokio-graceful-shutdown",
        dependencies: r#"tokio-graceful-shutdown = "0.20""#,
        main: "use tokio_graceful_shutdown::{SubsystemBuilder, SubsystemHandle, Toplevel};
        async fn wait(subsystem: &mut SubsystemHandle) -> Result<(), std::io::Error> {
            subsystem.on_shutdown_requested().await;
            Ok(())
        }
        fn main() { run(async {
            let second = std::time::Duration::from_secs(1);
            Toplevel::new(async |top: &mut SubsystemHandle| {
                top.start(SubsystemBuilder::new(\"waits\", wait));
            })
            .catch_signals()
            .handle_shutdown_requests(second)
            .await
            .unwrap();
        }) }",
    },
    Program {
        name: "elegant-departure",
        dependencies: r#"elegant-departure = { version = "0.3", features = ["tokio"] }"#,
        main: "fn main() { run(async {
            elegant_departure::tokio::depart().on_termination().await;
        }) }",
    },
    Program {
        name: "signal-mod",
        dependencies: r#"signal-mod = "2.1""#,
        main: "fn main() { run(async {
            let coordinator = signal_mod::Coordinator::builder().build();
            coordinator.install().unwrap();
            coordinator.token().wait().await;
        }) }",
    },
];

const RUN: &str = "
fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}";

pub fn print() {
    let mut rows = Vec::new();
    let mut sizes: Vec<(&str, f64)> = Vec::new();
    for program in PROGRAMS {
        match measure(program) {
            Ok((crates, seconds, kib)) => {
                sizes.push((program.name, kib));
                let over = |base: &str| {
                    let base = sizes.iter().find(|(name, _)| *name == base);
                    base.map_or(f64::NAN, |(_, size)| kib - size)
                };
                let cells = [short(seconds), short(kib), short(over("empty main"))];
                let over_tokio = short(over("tokio (rt, signal)"));
                let head = [program.name.to_owned(), crates.to_string()];
                rows.push(head.into_iter().chain(cells).chain([over_tokio]).collect());
            }
            Err(error) => eprintln!("{}: {error}", program.name),
        }
    }
    let head =
        ["weight", "crates", "clean build, s", "stripped, KiB", "over empty", "over tokio::signal"];
    table("Weight of a minimal program", &head, &rows);
}

fn measure(program: &Program) -> io::Result<(usize, f64, f64)> {
    let built = build(program)?;
    let _ = fs::remove_dir_all(built.folder.join("target"));
    Ok((built.crates, built.seconds, built.kib))
}

pub struct Built {
    folder: PathBuf,
    pub program: PathBuf,
    pub crates: usize,
    pub seconds: f64,
    pub kib: f64,
}

/// Builds the program from nothing.
pub fn build(program: &Program) -> io::Result<Built> {
    let folder = write(program)?;
    let lines = output(cargo(&folder).args(["tree", "-e", "normal", "--prefix", "none"]))?;
    let lines = String::from_utf8_lossy(&lines.stdout).into_owned();
    let crates: BTreeSet<&str> = lines
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "program")
        .collect();
    output(cargo(&folder).arg("fetch"))?;
    let _ = fs::remove_dir_all(folder.join("target"));
    let start = Instant::now();
    output(cargo(&folder).args(["build", "--release", "--offline"]))?;
    let seconds = start.elapsed().as_secs_f64();
    let program = folder.join("target/release/program");
    let kib = fs::metadata(&program)?.len() as f64 / 1024.0;
    Ok(Built { folder, program, crates: crates.len(), seconds, kib })
}

fn write(program: &Program) -> io::Result<PathBuf> {
    let here = std::env::var("CARGO_MANIFEST_DIR").map_or_else(|_| "benches".into(), PathBuf::from);
    let name: String = program.name.chars().filter(char::is_ascii_alphanumeric).collect();
    let folder = here.join("target/weight").join(name);
    fs::create_dir_all(folder.join("src"))?;
    let signoff = here.join("..").canonicalize()?;
    let runs = program.main.contains(" run(");
    let mut dependencies = program.dependencies.replace("SIGNOFF", &signoff.to_string_lossy());
    if runs && program.dependencies != TOKIO {
        dependencies = format!("{TOKIO}{dependencies}");
    }
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [workspace]\n\n[dependencies]\n{dependencies}\n\n[profile.release]\nstrip = true\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let main = if runs { format!("{}{RUN}", program.main) } else { program.main.to_owned() };
    fs::write(folder.join("src/main.rs"), main)?;
    Ok(folder)
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder).env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
    command
}

fn output(command: &mut Command) -> io::Result<Output> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(output);
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}
