//! An editor on a terminal that `script` makes, and the modes that it leaves there.
#![cfg(target_os = "linux")] // elsewhere `script` has other options

use std::io::Write;
use std::path::PathBuf;
use std::process::{ChildStdin, Command};
use std::{env, fs, process};

use crate::recipe::{Ended, Recipe};
use crate::skipped::skipped;

const CTRL_C: &str = "\x03";

#[test]
fn ctrl_c_saves_the_notes() {
    let file = Notes::new("typed");
    let Some(mut editor) = Editor::start(&file) else { return };
    editor.press("hello\r");
    editor.recipe.wait_for_part("hello");
    editor.press(CTRL_C);
    editor.leaves_the_terminal_as_it_was("status 0");
    assert_eq!(fs::read_to_string(&file.0).expect("they were saved"), "hello\n");
}

#[test]
fn so_does_sigterm() {
    let file = Notes::new("sigterm");
    let Some(mut editor) = Editor::start(&file) else { return };
    editor.press("hello\r");
    editor.recipe.wait_for_part("hello");
    editor.signal("TERM");
    editor.leaves_the_terminal_as_it_was("status 0");
    assert_eq!(fs::read_to_string(&file.0).expect("they were saved"), "hello\n");
}

/// While the hook blocks, a second Ctrl-C ends the editor.
#[test]
fn a_second_ctrl_c_ends_it() {
    let file = Notes::new("fifo");
    let made = Command::new("mkfifo").arg(&file.0).status().expect("mkfifo");
    assert!(made.success());
    let Some(mut editor) = Editor::start(&file) else { return };
    editor.press(CTRL_C);
    let line = editor.recipe.wait_for_part("waiting for notes (");
    assert!(line.contains(", Ctrl-C to quit"), "{line}");
    editor.press(CTRL_C);
    editor.leaves_the_terminal_as_it_was("status 130");
}

/// The report is on the main screen.
#[test]
fn an_error_is_shown() {
    let file = Notes::new("folder");
    fs::create_dir(&file.0).expect("a folder");
    let Some(mut editor) = Editor::start(&file) else { return };
    editor.press(CTRL_C);
    let ended = editor.leaves_the_terminal_as_it_was("status 1");
    fs::remove_dir(&file.0).expect("it is empty");
    let screen = ended.lines.join("\n");
    let main_screen = screen.rfind("\x1b[?1049l").expect("it left the other screen");
    assert!(main_screen < screen.find("1 of 2 hooks done").expect("a report"), "{ended:#?}");
}

struct Editor {
    recipe: Recipe,
    keyboard: ChildStdin,
    id: String,
}

impl Editor {
    /// `None`, and a line that says so, if `script` is not installed.
    fn start(file: &Notes) -> Option<Self> {
        // The shell outlives Ctrl-C.
        const RUN: &str = r#"trap : INT; sh -c 'echo "id $$"; exec "$EDITOR" "$NOTES"'; echo "status $?"; stty -a"#;
        if !Command::new("script").arg("--version").output().is_ok_and(|o| o.status.success()) {
            skipped("`script` of util-linux is not installed");
            return None;
        }
        let mut command = Command::new("script");
        command.args(["-qc", RUN, "/dev/null"]).env("EDITOR", env!("CARGO_BIN_EXE_terminal"));
        command.envs([("SHELL", "/bin/sh"), ("TERM", "xterm")]).env("NOTES", &file.0);
        let (recipe, keyboard) = Recipe::run_with_input(&mut command);
        let id = recipe.wait_for("id ").trim_end().to_owned();
        recipe.wait_for_part("notes, saved at Ctrl-C:");
        Some(Self { recipe, keyboard, id })
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("it is open");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id);
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    #[track_caller]
    fn leaves_the_terminal_as_it_was(self, status: &str) -> Ended {
        let ended = self.recipe.end();
        let screen = ended.lines.join(" ");
        assert!(screen.contains(status), "{ended:#?}");
        assert!(screen.contains(" icanon ") && screen.contains(" echo "), "{ended:#?}");
        ended
    }
}

/// A file that is removed in the end.
struct Notes(PathBuf);

impl Notes {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("signoff-recipe-{}-{name}.notes", process::id())))
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // there may be none
    }
}
