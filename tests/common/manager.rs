//! systemd, as a service sees it.
#![allow(dead_code, reason = "each test binary uses its own share")]

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::{env, fs, process};

use crate::common::{BOUND, Case, Child};

/// What systemd is here: a socket with a name.
pub(crate) struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    pub(crate) fn with_path(case: &str) -> Self {
        let name = env::temp_dir().join(format!("signoff-{case}-{}", process::id()));
        let _ = fs::remove_file(&name); // of a test that failed
        let socket = UnixDatagram::bind(&name).unwrap();
        Self { socket, name: name.into_os_string().into_string().unwrap() }
    }

    pub(crate) fn abstract_one(case: &str) -> Self {
        let name = format!("signoff-{case}-{}", process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        Self { socket: UnixDatagram::bind_addr(&address).unwrap(), name: format!("@{name}") }
    }

    /// A service of this manager.
    pub(crate) fn case(&self, case: &Case) -> Case {
        with_socket(case, &self.name)
    }

    pub(crate) fn start(&self, case: &Case) -> Child {
        self.case(case).start()
    }

    pub(crate) fn message(&self) -> String {
        let mut buffer = [0; 4096];
        self.socket.set_read_timeout(Some(BOUND)).unwrap();
        let length = self.socket.recv(&mut buffer).expect("another message");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[track_caller]
    pub(crate) fn expect(&self, message: &str) {
        assert_eq!(self.message(), message);
    }

    /// The child has ended, so nothing more comes.
    #[track_caller]
    pub(crate) fn expect_nothing(&self) {
        self.socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4096];
        assert!(self.socket.recv(&mut buffer).is_err(), "{}", String::from_utf8_lossy(&buffer));
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.name); // an abstract socket has no file
    }
}

pub(crate) fn with_socket(case: &Case, name: &str) -> Case {
    case.under(&["env", format!("NOTIFY_SOCKET={name}").leak()])
}
