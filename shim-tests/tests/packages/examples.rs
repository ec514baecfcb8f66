//! The examples are understood by those for whom they are.

use crate::tree::{files, output, packaging};
use shim_tests::built::project;
use shim_tests::installed::find;
use shim_tests::scratch::Scratch;
use shim_tests::{here, skip};
use softclose_core::settings::knobs::KNOBS;
use std::fs;
use std::process::Command;

#[test]
fn systemd_understands_every_line_of_the_drop_in() {
    if find("systemd-analyze").is_none() {
        return skip(here!(), "no systemd-analyze");
    }
    let scratch = Scratch::directory();
    let unit = scratch.path().join("softclose-example.service");
    let drop_in = scratch.path().join("softclose-example.service.d");
    fs::create_dir(&drop_in).expect("a new directory");
    let verify = |lines: &str| {
        fs::write(&unit, "[Service]\nExecStart=/bin/true\n").expect("a new file");
        fs::write(drop_in.join("softclose.conf"), lines).expect("a new file");
        let mut command = Command::new("systemd-analyze");
        let output = output(command.args(["verify", "--man=no"]).arg(&unit));
        let said = [output.stdout, output.stderr].concat();
        // It may find fault with other units of this machine.
        let ours = |line: &&str| line.contains("softclose");
        String::from_utf8_lossy(&said).lines().filter(ours).map(str::to_owned).collect::<Vec<_>>()
    };
    let example = fs::read_to_string(project().join("examples/softclose.conf")).expect("the example");
    let all = example.replace("\n#Environment", "\nEnvironment").replace("\n#Limit", "\nLimit");
    assert_ne!(verify(&all.replace("LimitNOFILE", "LimitNothing")), [""; 0], "it finds no fault at all");
    assert_eq!(verify(&all.replace("\n#Runtime", "\nRuntime")), [""; 0]);
}

/// By the schemas of the API, which come from PyPI.
#[test]
fn kubernetes_understands_every_line_of_the_deployment() {
    let found = output(packaging("python").args(["kubernetes-validate", "kubernetes-validate==1.37.0"]));
    if !found.status.success() {
        return skip(here!(), String::from_utf8_lossy(&found.stderr).trim());
    }
    let validator = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    let scratch = Scratch::directory();
    let file = scratch.path().join("kubernetes.yaml");
    let validate = |lines: &str| {
        fs::write(&file, lines).expect("a new file");
        output(Command::new(&validator).arg("--strict").arg(&file))
    };
    let example = fs::read_to_string(project().join("examples/kubernetes.yaml")).expect("the example");
    let bad = validate(&example.replace("readOnly: true", "readonly: true"));
    assert!(!bad.status.success(), "it finds no fault at all");
    let good = validate(&example);
    assert!(good.status.success(), "{good:#?}");
}

#[test]
fn the_deployment_preloads_what_its_init_container_copies() {
    let example = fs::read_to_string(project().join("examples/kubernetes.yaml")).expect("the example");
    let count = |line: &str| example.lines().filter(|found| found.trim() == line).count();
    assert_eq!(count(r#"args: ["--copy", "/softclose"]"#), 1);
    assert_eq!(count("mountPath: /softclose"), 2);
    assert_eq!(count("value: /softclose/libsoftclose.so"), 1);
    // The documents' test of versions does not look here.
    assert_eq!(example.matches(concat!("softclose:", env!("CARGO_PKG_VERSION"))).count(), 2);
}

#[test]
fn examples_name_no_variable_that_there_is_not() {
    for path in files(&project().join("examples")) {
        let text = fs::read_to_string(project().join("examples").join(&path)).expect("an example");
        let is_part = |letter: char| letter.is_ascii_uppercase() || letter == '_';
        for word in text.split(|letter| !is_part(letter)).filter(|word| word.starts_with("SOFTCLOSE_")) {
            assert!(KNOBS.iter().any(|knob| knob.env == word), "{path}: {word}");
        }
    }
}
