//! The chat server says goodbye to each client that is still there.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpStream;

use super::{Example, assert_clean, connect, words};

struct Client {
    stream: TcpStream,
    lines: Lines<BufReader<TcpStream>>,
    address: String,
}

impl Client {
    fn join(example: &Example, server: &str) -> Self {
        let stream = connect(server);
        let lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
        let address = stream.local_addr().expect("its address").to_string();
        example.line(&format!("joined: {address}"));
        Self { stream, lines, address }
    }

    fn says(&mut self, line: &str) {
        writeln!(self.stream, "{line}").expect("sent");
    }

    fn hears(&mut self) -> String {
        self.lines.next().expect("another line").expect("the line")
    }
}

#[test]
fn every_client_gets_a_goodbye() {
    let example = Example::start("chat");
    let listening = example.line("listening: nc ");
    let [ip, port] = words(&listening, 2);
    let server = format!("{ip}:{port}");
    let [mut ada, leaves, mut bob] = [(); 3].map(|()| Client::join(&example, &server));

    ada.says("good morning");
    let said = format!("{}: good morning", ada.address);
    assert_eq!([ada.hears(), bob.hears()], [said.clone(), said]);

    let left = format!("left: {}", leaves.address);
    drop(leaves);
    example.line(&left);

    example.signal("TERM");
    assert_clean(&example.end_with(0).1);
    for mut client in [ada, bob] {
        assert_eq!(client.hears(), "goodbye");
        assert!(client.lines.next().is_none(), "one goodbye");
    }
}
