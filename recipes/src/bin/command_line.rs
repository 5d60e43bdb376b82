//! A command with a long computation: Ctrl-C stores the progress, and the next start continues there.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, error::Error, fs, io};

use signoff::Exit;
use signoff::{Blocking, Hooks, ShutdownSignal};

/// The sum of the primes below `next`.
struct Progress {
    next: u64,
    sum: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Blocking)?;
    let mut arguments = env::args().skip(1);
    let end = arguments.next().map_or(Ok(100_000_000), |end| end.parse())?;
    let file = arguments.next().map_or_else(|| env::temp_dir().join("primes.txt"), PathBuf::from);
    let mut progress = load(&file)?;
    if progress.next > end {
        return Err(format!("{} is from a longer computation", file.display()).into());
    }
    println!("adding the primes from {} to {end}: press Ctrl-C", progress.next);

    let (stopped, last) = mpsc::channel();
    let guard = Hooks::new()
        .budget(Duration::from_secs(2))
        .blocking("progress", move || save(&file, &last.recv().map_err(io::Error::other)?))
        .exit_on(shutdown.clone())
        .exit(Exit::Signal) // so that a script around this command stops, too
        .start()?;

    while progress.next < end && !shutdown.is_requested() {
        if is_prime(progress.next) {
            progress.sum += progress.next;
        }
        progress.next += 1;
    }
    let sum = progress.sum;
    stopped.send(progress)?; // the hook waits for this
    guard.join(); // after a signal, the hook exits the process; without one, this returns
    println!("the sum is {sum}");
    Ok(())
}

fn is_prime(number: u64) -> bool {
    number >= 2 && (2..).take_while(|n| n * n <= number).all(|n| !number.is_multiple_of(n))
}

fn load(file: &Path) -> Result<Progress, Box<dyn Error>> {
    match fs::read_to_string(file) {
        Ok(text) => {
            let (next, sum) = text.trim().split_once(' ').ok_or("a damaged file of progress")?;
            Ok(Progress { next: next.parse()?, sum: sum.parse()? })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Progress { next: 2, sum: 0 }),
        Err(error) => Err(error.into()),
    }
}

/// A crash leaves the old file or the new one, never half of it.
fn save(file: &Path, Progress { next, sum }: &Progress) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, format!("{next} {sum}\n"))?;
    fs::rename(new, file)
}
