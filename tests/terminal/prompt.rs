/// Echoes lines until the input ends or the shutdown is requested.
fn talk(lines: &Receiver<io::Result<String>>, shutdown: &ShutdownSignal) -> io::Result<()> {
    let stop = shutdown.channel();
    loop {
        eprint!("> ");
        select! {
            recv(lines) -> line => match line {
                Ok(line) => println!("{}", line?),
                Err(_) => return Ok(()), // the input has ended
            },
            recv(stop) -> _ => return Ok(()),
        }
    }
}

/// Returns the lines of standard input, from a thread that blocks in `read` until the process exits.
fn lines() -> Receiver<io::Result<String>> {
    let (sender, lines) = bounded(0); // it takes no line that nobody waits for
    thread::spawn(move || io::stdin().lines().try_for_each(|line| sender.send(line)));
    lines
}
