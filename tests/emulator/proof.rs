//! Proof that a hook ran.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, process};

pub(crate) const PROOF: &str = "SIGNOFF_TEST_PROOF";

/// Writes to a file that outlives the process. It works even if the output is closed.
pub(super) fn prove(what: &str) {
    let path = env::var(PROOF).expect("set");
    let mut file = OpenOptions::new().append(true).open(path).expect("a file");
    writeln!(file, "{what}").expect("it can be written to");
}

/// The file that a function writes to. It is removed when dropped.
pub(crate) struct Proof(PathBuf);

impl Proof {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("signoff-proof-{}-{number}", process::id()));
        fs::write(&path, "").expect("a file");
        // Managed Instances run the function as another user.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("ours");
        Self(path)
    }

    pub(crate) fn path(&self) -> String {
        self.0.display().to_string()
    }

    /// Returns the hooks that ran, in order.
    pub(crate) fn hooks(&self) -> Vec<String> {
        fs::read_to_string(&self.0).expect("a file").lines().map(str::to_owned).collect()
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
