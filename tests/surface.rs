//! The public surface of each library is the list in `docs/api` that is named after it: one line for each item. So a change of the surface
//! is seen as one, in the commit that makes it.
//!
//! `SURFACE=overwrite cargo test --test surface` writes the lists anew.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The libraries that programs and stores name.
const LIBRARIES: [&str; 6] = ["rome-store", "rome-core", "rome-embedded", "rome-redis", "rome-conformance", "rome-orm"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The JSON of rustdoc is not stable, and a stable one gives it with `RUSTC_BOOTSTRAP`. For rustdoc alone: build scripts look at that variable
/// too, and what they build otherwise would not fit what was built before.
fn rustdoc(target: &Path) -> PathBuf {
    let script = target.join("tmp/unstable-rustdoc");
    fs::write(&script, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n").unwrap();
    let mut permissions = fs::metadata(&script).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(&script, permissions).unwrap();
    script
}

/// What rustdoc says of a library, with all features; `None` if it speaks another form than the one that is read here.
fn surface(library: &str, target: &Path) -> Option<String> {
    let made = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .current_dir(root())
        .args(["rustdoc", "--quiet", "--lib", "--all-features", "--package", library, "--target-dir"])
        .arg(target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"])
        .env("RUSTDOC", rustdoc(target))
        .output()
        .unwrap();
    assert!(made.status.success(), "{library}: {}", String::from_utf8_lossy(&made.stderr));
    let file = target.join("doc").join(library.replace('-', "_")).with_extension("json");
    let api = public_api::Builder::from_rustdoc_json(&file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build();
    match api {
        Ok(api) => Some(api.items().fold(String::new(), |list, item| list + &item.to_string() + "\n")),
        Err(error) => {
            println!("the surface of {library} was not compared, since this rustdoc speaks another JSON: {error}");
            None
        }
    }
}

#[test]
fn the_surface_is_the_one_that_is_written_down() {
    // That of this test, where the dependencies are.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let overwrite = env::var("SURFACE").is_ok_and(|how| how == "overwrite");
    let mut changed = Vec::new();
    for library in LIBRARIES {
        let Some(now) = surface(library, target) else { continue };
        let file = root().join("docs/api").join(library).with_extension("txt");
        let before = fs::read_to_string(&file).unwrap_or_default();
        if overwrite {
            fs::write(&file, &now).unwrap();
        } else if now != before {
            let (old, new): (BTreeSet<&str>, BTreeSet<&str>) = (before.lines().collect(), now.lines().collect());
            changed.extend(old.difference(&new).map(|gone| format!("{library} - {gone}")));
            changed.extend(new.difference(&old).map(|come| format!("{library} + {come}")));
        }
    }
    assert!(
        changed.is_empty(),
        "the public surface has changed; if that is meant, write it down with `SURFACE=overwrite cargo test --test surface`, and in \
         CHANGELOG.md:\n{}",
        changed.join("\n")
    );
}
