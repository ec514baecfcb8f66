//! The peer of the matrix: an order as JSON in its argument, a report as JSON on
//! its standard output.

mod conversation;

use conversation::Conversation;
use softclose_lab::compat::hear::Hear;
use softclose_lab::compat::mask::Mask;
use softclose_lab::compat::script::{Script, Step, TalkOrder, TalkReport};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An order at work.
struct Task {
    order: TalkOrder,
    mask: Mask,
    next: AtomicUsize,
    report: Mutex<TalkReport>,
}

fn main() {
    let order: TalkOrder = serde_json::from_str(&std::env::args().nth(1).expect("an order")).expect("an order as JSON");
    let mask = Mask::new(&order.mask).expect("regular expressions");
    let task = Task { order, mask, next: AtomicUsize::new(0), report: Mutex::default() };
    std::thread::scope(|scope| {
        for _ in 0..task.order.concurrency {
            scope.spawn(|| task.work());
        }
    });
    let report = task.report.into_inner().expect("no panic holds the report");
    println!("report {}", serde_json::to_string(&report).expect("a report is plain data"));
}

impl Task {
    fn work(&self) {
        loop {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            if turn >= self.order.connections {
                break;
            }
            self.speak(&self.order.scripts[turn % self.order.scripts.len()]);
        }
    }

    fn speak(&self, script: &Script) {
        let mut conversation = Conversation::open(&self.order, script.slow);
        for step in &script.steps {
            match step {
                Step::Say(text) => conversation.say(text.as_bytes()),
                Step::Bytes(hex) => conversation.say(&hex.0),
                Step::Upload(bytes) => conversation.upload(*bytes),
                Step::Hear(words) => conversation.hear(&Hear::parse(words).expect("checked by the row")),
            }
        }
        let (outcome, heard) = conversation.finish();
        let transcript = heard.iter().map(|answer| answer.masked(&self.mask)).collect::<Vec<_>>().join("\n--\n");
        self.report.lock().expect("no panic holds the report").add(outcome, transcript);
    }
}
