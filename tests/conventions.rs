//! What the crate promises to those who read its code: names in step, and each kind of code in its
//! place.

#[path = "conventions/prose.rs"]
mod prose;

use std::path::{Path, PathBuf};
use std::{env, fs};

/// A feature has a page, an example and a test of its name, and a module that shows the page in its
/// documentation.
#[test]
fn five_names_in_step() {
    let sources = files(&root().join("src"), "rs");
    for feature in features() {
        let name = feature.replace('-', "_");
        let page = format!("features/{feature}.md");
        for path in [page.clone(), format!("examples/{name}.rs"), format!("tests/{name}.rs")] {
            assert!(root().join(&path).is_file(), "feature {feature} has no {path}");
        }
        let shows_page = |path: &PathBuf| read(path).contains(&page);
        assert!(sources.iter().any(shows_page), "no source file shows {page}");
    }
}

#[test]
fn every_page_is_of_a_feature_and_in_the_readme() {
    let features = features();
    let readme = read(&root().join("README.md"));
    for page in files(&root().join("features"), "md") {
        let name = page.file_stem().unwrap_or_default().to_string_lossy();
        assert!(features.iter().any(|feature| *feature == name), "no feature {name}");
        assert!(readme.contains(&format!("[`{name}`]: ")), "the README lacks {name}");
        assert!(!read(&page).starts_with('#'), "{name}.md has to begin with a sentence");
    }
}

/// The pages are read on the web and in rustdoc: a relative link would work in one of them only.
#[test]
fn pages_link_to_whole_addresses() {
    let folders = ["features", "docs"].map(|folder| files(&root().join(folder), "md"));
    for page in [vec![root().join("README.md")], folders.concat()].concat() {
        let text = read(&page);
        let definitions = text.lines().filter(|line| line.starts_with('['));
        for target in definitions.filter_map(|line| line.split_once("]: ")).map(|(_, to)| to) {
            assert!(target.starts_with("https://"), "{} links to {target}", page.display());
        }
        assert!(!text.contains("](crate::"), "{} has a link for rustdoc only", page.display());
    }
}

/// `unsafe_code` is denied, so that only a file that lifts it can have any.
#[test]
fn unsafe_code_is_next_to_the_system() {
    let lifts = |path: &PathBuf| !is_system(path) && read(path).contains("unsafe_code");
    assert_none(files(&root().join("src"), "rs").into_iter().filter(lifts), "have unsafe code");
    assert!(read(&root().join("Cargo.toml")).contains("unsafe_code = \"deny\""));
}

/// Not every platform has atomics of 64 bits, and a handler must not use a lock in their place.
#[test]
fn the_signal_path_has_no_wide_atomics() {
    let files = files(&root().join("src"), "rs");
    let is_reached = |path: &PathBuf| {
        let is_below = |folder| path.starts_with(root().join(folder));
        let is_named = path.ends_with("clock.rs") || path.ends_with("sync.rs");
        is_named || is_system(path) || is_below("src/signal") || is_below("src/listen")
    };
    let has_wide = |path: &PathBuf| {
        let text = read(path);
        ["AtomicU64", "AtomicI64"].iter().any(|wide| text.contains(wide))
    };
    let reached: Vec<_> = files.into_iter().filter(is_reached).collect();
    for name in ["latch.rs", "clock.rs", "sync.rs", "stream.rs", "registry.rs", "listener.rs"] {
        assert!(reached.iter().any(|path| path.ends_with(name)), "{name} has moved: {reached:?}");
    }
    assert_none(reached.into_iter().filter(has_wide), "need atomics of 64 bits");
}

#[test]
fn the_prose_is_plain() {
    let pages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
        .map(|page| root().join(page))
        .to_vec();
    let folders =
        ["src", "docs", "examples", "features", "recipes/src"].map(|folder| root().join(folder));
    let in_folders = folders.iter().flat_map(|folder| [files(folder, "md"), files(folder, "rs")]);
    let found = |path: PathBuf| {
        let found = prose::refused(&read(&path));
        found.into_iter().map(move |words| format!("{}: {words}", path.display()))
    };
    // Not those below them: these packages may have a target folder.
    let entries = |package| fs::read_dir(root().join(package)).expect("a folder");
    let packages = ["benches", "recipes", "fuzz"].into_iter().flat_map(entries);
    let packages = packages.map(|entry| entry.expect("an entry").path());
    let packages = packages.filter(|path| path.extension().is_some_and(|found| found == "md"));
    let all = in_folders.flatten().chain(pages).chain(packages);
    assert_none(all.flat_map(found), "are words that we do without");
}

/// clippy denies them in `lib.rs`, so only a file that lifts that can have any.
#[test]
fn the_library_does_not_panic_print_or_exit() {
    const LINTS: &[&str] =
        &["unwrap_used", "expect_used", "panic", "print_stdout", "print_stderr", "exit"];
    let library = read(&root().join("src/lib.rs"));
    for lint in LINTS {
        let lint = format!("clippy::{lint}");
        assert!(library.contains(&lint), "lib.rs lets {lint} pass");
        let lifts = |path: &PathBuf| !path.ends_with("lib.rs") && read(path).contains(&lint);
        assert_none(files(&root().join("src"), "rs").into_iter().filter(lifts), &lint);
    }
}

/// Whether a file is in an `os` folder.
fn is_system(path: &Path) -> bool {
    path.iter().any(|part| part == "os")
}

fn assert_none<T: std::fmt::Debug>(found: impl Iterator<Item = T>, what: &str) {
    let found: Vec<_> = found.collect();
    assert!(found.is_empty(), "these {} {what}: {found:#?}", found.len());
}

/// The names in the section `[features]`, without internal ones, which begin with `__`.
fn features() -> Vec<String> {
    let manifest = read(&root().join("Cargo.toml"));
    let lines = manifest.lines().skip_while(|line| *line != "[features]").skip(1);
    let section = lines.take_while(|line| !line.starts_with('['));
    let names = section.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let names = names.filter(|name| !name.starts_with('#') && !name.starts_with("__"));
    let features: Vec<_> = names.map(String::from).collect();
    assert!(features.iter().any(|name| name == "tokio"), "no features found: {features:?}");
    features
}

/// The files below a folder whose names end like this.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path, extension) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where the crate is now, which need not be where it was compiled.
fn root() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}
