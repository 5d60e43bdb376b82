//! What a child writes.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What the child says, without the words of the test harness around it.
pub(crate) fn lines(out: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if let Some(said) = line.strip_prefix('@') {
                let _ = sender.send(said.to_owned()); // the test may have seen enough
            }
        }
    });
    receiver
}

/// What stands on the child's standard error.
pub(crate) struct Errors {
    text: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Errors {
    pub(crate) fn read(err: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let read = Arc::clone(&text);
        let reader = thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                *read.lock().expect("no panic") += &(line + "\n");
            }
        });
        Self { text, reader }
    }

    pub(crate) fn so_far(&self) -> String {
        self.text.lock().expect("no panic").clone()
    }

    /// All of it, once the child has ended.
    pub(crate) fn all(self) -> String {
        self.reader.join().expect("no panic");
        self.text.lock().expect("no panic").clone()
    }
}
