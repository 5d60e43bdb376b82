//! HAProxy and nginx, if they are installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::instance::{Port, await_ready};
use crate::machine;

/// Writes the configuration to a folder, and returns the command that runs the balancer in the
/// foreground.
type Configure = fn(&Path, u16, &[u16]) -> Command;

pub const BALANCERS: &[(&str, Option<Configure>)] =
    &[("no balancer", None), ("HAProxy", Some(haproxy)), ("nginx", Some(nginx))];

/// Returns why this balancer cannot run here.
pub fn missing(balancer: &str) -> Option<String> {
    let command = balancer.to_ascii_lowercase();
    if balancer == BALANCERS[0].0 || Command::new(&command).arg("-v").output().is_ok() {
        return None;
    }
    Some(format!("there is no `{command}` (in Debian, the package of that name)"))
}

pub struct Balancer {
    process: Child,
    port: Port,
    folder: PathBuf,
}

impl Balancer {
    /// Returns `None` if clients go to the instances themselves.
    pub fn start(name: &str, instances: &[u16]) -> Option<Self> {
        let (_, configure) =
            BALANCERS.iter().find(|(known, _)| *known == name).expect("a balancer");
        let configure = (*configure)?;
        let folder = std::env::temp_dir().join(format!("signoff-rolling-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let port = Port::reserve();
        let mut command = configure(&folder, port.number(), instances);
        let log = fs::File::create(folder.join("log")).expect("a file");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let balancer = Self { process: process.spawn().expect("a balancer"), port, folder };
        await_ready(balancer.port());
        Some(balancer)
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        machine::kill(self.process.id(), libc::SIGTERM); // nginx has workers, which it stops
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Probes every 100 ms. A connection that is refused goes to another instance.
fn haproxy(folder: &Path, port: u16, instances: &[u16]) -> Command {
    let servers: String =
        instances.iter().map(|port| format!("  server s{port} 127.0.0.1:{port}\n")).collect();
    let configuration = format!(
        "global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout check 5s
  option redispatch
  http-reuse always
frontend clients
  bind 127.0.0.1:{port}
  default_backend instances
backend instances
  option httpchk GET /ready
  default-server check inter 100ms fall 2 rise 1
{servers}"
    );
    let file = folder.join("haproxy.cfg");
    fs::write(&file, configuration).expect("a file");
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(file);
    command
}

/// Keeps connections to the instances. A connection that is refused goes to another instance.
fn nginx(folder: &Path, port: u16, instances: &[u16]) -> Command {
    let servers: String = instances
        .iter()
        .map(|port| format!("    server 127.0.0.1:{port} max_fails=0;\n"))
        .collect();
    let files = folder.display();
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {files}/{name};\n"))
        .concat();
    let configuration = format!(
        "daemon off;
worker_processes 1;
pid {files}/pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
{folders}  upstream instances {{
{servers}    keepalive 32;
  }}
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{
      proxy_pass http://instances;
      proxy_http_version 1.1;
      proxy_set_header connection \"\";
    }}
  }}
}}
"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration).expect("a file");
    let mut command = Command::new("nginx");
    command.arg("-c").arg(file).arg("-e").arg(folder.join("nginx-error.log"));
    command
}
