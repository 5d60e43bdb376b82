//! A program without a runtime: rounds of work, with a pause between them.
//!
//! ```sh
//! cargo run --example blocking --features blocking
//! ```
//!
//! Press Ctrl-C, or `kill` the process: it exits after the current piece of work, or immediately during
//! the pause.
//!
//! ```text
//! working: press Ctrl-C
//! round 1: 20 pieces
//! round 2: 20 pieces
//! round 3: 11 pieces
//! stopped: SIGINT, 51 pieces are done
//! ```

use std::{thread, time::Duration};

use signoff::{Blocking, ShutdownSignal};

const PIECES: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> Result<(), signoff::Error> {
    let shutdown = ShutdownSignal::listen(Blocking)?;
    println!("working: press Ctrl-C");

    let mut total = 0;
    for round in 1.. {
        let done = work(&shutdown);
        println!("round {round}: {done} pieces");
        total += done;
        if let Some(reason) = shutdown.wait_timeout(PAUSE) {
            println!("stopped: {reason}, {total} pieces are done");
            break;
        }
    }
    Ok(())
}

/// Does a round, or less if the shutdown is requested. Returns the number of pieces.
fn work(shutdown: &ShutdownSignal) -> u32 {
    let mut done = 0;
    while done < PIECES && !shutdown.is_requested() {
        thread::sleep(Duration::from_millis(50)); // a piece of work
        done += 1;
    }
    done
}
