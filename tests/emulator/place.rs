//! The command that starts the emulator and the function.

use std::env;
use std::net::SocketAddr;
use std::process::Command;

use super::{Mode, Setup, binary};

/// Creates the files that Lambda has at fixed paths, in a mount namespace of its own. Nothing is
/// written to the disk, and several emulators can run at a time. Managed Instances run the function
/// as another user, so the files are readable by all users.
const LAY_OUT: &str = r#"
set -e
mount -t tmpfs -o mode=755 tmpfs /var
mount -t tmpfs -o mode=755 tmpfs /opt
mkdir /var/task /opt/extensions
cp "$TEST_BINARY" /var/task/function
printf '#!/bin/sh\nexec /var/task/function %s\n' "$FUNCTION" > /var/task/bootstrap
chmod 755 /var/task/function /var/task/bootstrap
if [ -n "$EXTENSION" ]; then
    printf '#!/bin/sh\nexec /var/task/function %s\n' "$EXTENSION" > /opt/extensions/external
    chmod 755 /opt/extensions/external
fi
cp "$EMULATOR" /var/emulator
exec /var/emulator "$@" /var/task/bootstrap
"#;

/// Starts a command with real-time priority, if that is permitted: the emulator's time limits do not
/// grow on a busy machine. Its function inherits the priority.
const URGENT: &str = r#"chrt --rr --pid 1 $$ 2>/dev/null; exec "$@""#;

const UNSHARE: &[&str] = &["--mount", "--propagation", "private"];

pub(crate) fn command(setup: &Setup, [invoke, api]: [SocketAddr; 2]) -> Result<Command, String> {
    let emulator = binary()?;
    let test = env::current_exe().expect("the test binary");
    let is_simple = setup.mode == Mode::Classic && setup.extension.is_none();
    let mut command = Command::new("sh");
    command.args(["-c", URGENT, "sh"]);
    if is_simple {
        command.arg(&emulator);
    } else {
        may_mount()?;
        command.arg("unshare").args(UNSHARE).args(["sh", "-c", LAY_OUT, "sh"]);
        command.env("FUNCTION", arguments(setup.function).join(" "));
        command.env("EXTENSION", setup.extension.map_or(String::new(), |e| arguments(e).join(" ")));
        command.env("TEST_BINARY", &test).env("EMULATOR", &emulator);
    }
    if setup.mode == Mode::ManagedInstances {
        command.env("AWS_LAMBDA_MAX_CONCURRENCY", "4");
    }
    command.args(["--log-level", "info"]);
    command.args(["--runtime-interface-emulator-address", &invoke.to_string()]);
    command.args(["--runtime-api-address", &api.to_string()]);
    if let Some(program) = &setup.program {
        command.arg(program);
    } else if is_simple {
        command.arg(test).args(arguments(setup.function));
    }
    Ok(command)
}

fn arguments(test: &str) -> [&str; 5] {
    ["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]
}

fn may_mount() -> Result<(), String> {
    let tried = Command::new("unshare")
        .args(UNSHARE)
        .args(["mount", "-t", "tmpfs", "tmpfs", "/var"])
        .output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("`unshare --mount` and mounting are not allowed here; root may".to_owned()),
    }
}
