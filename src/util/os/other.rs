//! Standard error on Windows, and elsewhere. A console has no modes to restore, and no jobs.

pub(crate) mod stderr {
    use std::io::{self, Write};
    use std::time::Duration;

    /// Standard error. Only std's own writes Unicode to a console.
    #[derive(Debug)]
    pub(crate) struct RawStderr;

    impl Write for RawStderr {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            io::stderr().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Waits until a short write does not block. Returns false, as there is no such call.
    pub(crate) fn wait_until_writable(_: Duration) -> bool {
        false
    }
}

pub(crate) mod terminal {
    use std::io::{self, IsTerminal};

    pub(crate) fn is_in_foreground() -> bool {
        io::stderr().is_terminal()
    }

    pub(crate) fn is_in_background() -> bool {
        false
    }

    pub(crate) fn has_ctrl_c() -> bool {
        is_in_foreground()
    }

    pub(crate) fn set_view(_: bool) {}

    pub(crate) fn has_view() -> bool {
        false
    }

    pub(crate) fn save_modes() {}

    pub(crate) fn restore() {}
}
