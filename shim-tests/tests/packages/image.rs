//! The image for containers: an OCI image layout.

use crate::tree::{files, packaging, portable, release, succeed};
use serde_json::{Value, json};
use shim_tests::here;
use shim_tests::installed::is_missing;
use shim_tests::scratch::Scratch;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The image, and what is in its layout.
pub struct Image {
    archive: PathBuf,
    layout: PathBuf,
    _directory: Scratch,
}

impl Image {
    /// Made of the binaries under test.
    pub fn build() -> Self {
        let (release, directory) = (release(), Scratch::directory());
        let tree = portable(release.path());
        succeed(packaging("image").args([directory.path(), &tree.path().join(ARCH)]));
        let archive = directory.path().join(format!("softclose-{}-image.tar", env!("CARGO_PKG_VERSION")));
        Self::unpacked(archive, directory)
    }

    /// One that is there.
    pub fn open(archive: &Path) -> Self {
        Self::unpacked(archive.to_owned(), Scratch::directory())
    }

    fn unpacked(archive: PathBuf, directory: Scratch) -> Self {
        let layout = directory.path().join("layout");
        unpack(&archive, &layout);
        Self { archive, layout, _directory: directory }
    }

    /// The blob that a descriptor is of, which has its size and its digest.
    #[track_caller]
    pub fn blob(&self, descriptor: &Value) -> PathBuf {
        let digest = text(&descriptor["digest"]);
        let path = self.layout.join("blobs").join(digest.replace(':', "/"));
        assert_eq!(sha256(&path), digest);
        assert_eq!(fs::metadata(&path).expect("a blob").len(), descriptor["size"].as_u64().expect("a size"));
        path
    }

    #[track_caller]
    fn json(&self, descriptor: &Value) -> Value {
        read_json(&self.blob(descriptor))
    }

    /// The manifest for this machine.
    pub fn manifest(&self) -> Value {
        let index = self.json(&read_json(&self.layout.join("index.json"))["manifests"][0]);
        let platform = json!({"architecture": architecture(), "os": "linux"});
        let manifests = index["manifests"].as_array().expect("a list");
        self.json(manifests.iter().find(|manifest| manifest["platform"] == platform).expect("one for this machine"))
    }
}

/// This machine's name among containers.
fn architecture() -> &'static str {
    if ARCH == "x86_64" { "amd64" } else { "arm64" }
}

pub fn unpack(archive: &Path, directory: &Path) {
    fs::create_dir(directory).expect("a new directory");
    succeed(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(directory));
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file of the image")).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn sha256(path: &Path) -> String {
    let printed = succeed(Command::new("sha256sum").arg(path));
    format!("sha256:{}", printed.split_once(' ').expect("two words").0)
}

#[test]
fn every_digest_is_that_of_its_blob() {
    let image = Image::build();
    assert_eq!(read_json(&image.layout.join("oci-layout"))["imageLayoutVersion"], "1.0.0");
    let manifest = image.manifest();
    let config = image.json(&manifest["config"]);
    let [layer] = &manifest["layers"].as_array().expect("a list")[..] else { panic!("{manifest:#}") };
    let plain = image.layout.join("plain");
    let unzipped = Command::new("gzip").arg("-dc").arg(image.blob(layer)).output().expect("gzip");
    fs::write(&plain, unzipped.stdout).expect("a new file");
    assert_eq!(sha256(&plain), text(&config["rootfs"]["diff_ids"][0]));
    let blobs = files(&image.layout.join("blobs"));
    assert_eq!(blobs.len(), 4, "an index, a manifest, its configuration and its layer: {blobs:?}");
}

#[test]
fn it_has_what_a_container_copies_and_copies_it() {
    let image = Image::build();
    let manifest = image.manifest();
    let root = image.layout.join("root");
    unpack(&image.blob(&manifest["layers"][0]), &root);
    let found = files(&root);
    let is_licence = |name: &&String| name.starts_with("usr/share/doc/softclose/");
    let programs: Vec<_> = found.iter().filter(|name| !is_licence(name)).collect();
    assert_eq!(
        programs,
        ["usr/bin/softclose", "usr/lib/softclose/libsoftclose.so", "usr/lib/softclose/softclose-drain"]
    );
    for licence in ["LICENSE-MIT", "LICENSE-APACHE", "licences/libsoftclose.so.txt", "licences/softclose.txt"] {
        assert!(found.iter().filter(is_licence).any(|name| name.ends_with(licence)), "no {licence} in {found:?}");
    }

    let config = image.json(&manifest["config"]);
    let entry = root.join(text(&config["config"]["Entrypoint"][0]).trim_start_matches('/'));
    let copy = Scratch::directory();
    succeed(Command::new(entry).arg("--copy").arg(copy.path()));
    assert_eq!(files(copy.path()), ["libsoftclose.so", "softclose", "softclose-drain"]);
}

#[test]
fn skopeo_reads_the_image() {
    if is_missing(here!(), "skopeo") {
        return;
    }
    let image = Image::build();
    let source = format!("oci-archive:{}:softclose:{}", image.archive.display(), env!("CARGO_PKG_VERSION"));
    let inspected = succeed(Command::new("skopeo").args(["inspect", &source]));
    let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
    assert_eq!(inspected["Os"], "linux");
    assert_eq!(inspected["Architecture"], architecture());
    assert_eq!(inspected["Labels"]["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
    // It verifies what it copies.
    let copy = image.layout.join("copy");
    succeed(Command::new("skopeo").args(["copy", "--all", &source, &format!("dir:{}", copy.display())]));
}
