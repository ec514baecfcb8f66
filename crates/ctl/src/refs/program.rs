//! The program that the kernel runs for each question.
//!
//! It belongs to the iterator over tasks, which takes no lock to find the first task. The program
//! does not look at that task but at the reader: it runs on the thread that makes the `pread`, and
//! the offset of the `pread` is the descriptor number in question. The iteration ends with the first
//! task: an answer fills the reader's buffer, and anything else ends it with `EAGAIN`.
//!
//! The program changes nothing, and reads memory by a function that cannot fault. Where that fails,
//! it gives no answer: a zero must not be taken for a count.

use super::assembler::Register::{R0, R1, R2, R3, R6, R7, R8, R9, R10};
use super::assembler::{Assembler, Condition, Helper, Instruction, Jump, Register};
use super::layout::Layout;
use softclose_core::holders::refs::{SHARED_TABLE, SIGNATURE, WATCHED};

/// The context of the program: `struct bpf_iter__task`.
const CONTEXT: Register = R6;
/// The descriptor number in question.
const NUMBER: Register = R7;
/// The value that was read last.
const VALUE: Register = R8;
/// The address of the structure that is read next.
const AT: Register = R9;

/// Offsets on the stack, from its end.
const PEEKED: i16 = -8;
const THREADS: i16 = -16;
const FLAGS: i16 = -24;
const COUNT: i16 = -32;
const ANSWER: i16 = -40;
/// The first pointer of the context, to `struct bpf_iter_meta`.
const META: i16 = 0;
/// Signature, count, flags.
const ANSWER_BYTES: i32 = 24;

/// Assembles the program for a kernel.
pub fn program(layout: &Layout) -> Vec<Instruction> {
    let mut program = Program::default();
    program.begin(layout);
    program.compare_table(layout);
    program.find_file(layout);
    program.count(layout);
    program.watchers(layout);
    program.answer();
    program.finish()
}

#[derive(Default)]
struct Program {
    code: Assembler,
    /// Jumps to the end that gives no answer.
    without_answer: Vec<Jump>,
}

impl Program {
    /// Loads the reader's fourth argument into `NUMBER`, and the reader into `AT`.
    fn begin(&mut self, layout: &Layout) {
        const NUMBER_OF_TASK: i16 = 16;
        self.code.copy(CONTEXT, R1);
        self.code.load(VALUE, CONTEXT, META);
        self.code.load(VALUE, VALUE, NUMBER_OF_TASK);
        self.leave_if(VALUE, Condition::IsNot(0));
        self.code.store_number(R10, FLAGS, 0);
        self.code.call(Helper::GetCurrentTaskBtf);
        self.code.copy(AT, R0);
        self.code.copy(R1, R0);
        self.code.call(Helper::TaskPtRegs);
        self.code.copy(VALUE, R0);
        self.peek(VALUE, layout.fourth_argument, 8);
        self.code.copy(NUMBER, VALUE);
    }

    /// Compares the users of the reader's table of descriptors with its threads, and loads the table
    /// into `AT`.
    fn compare_table(&mut self, layout: &Layout) {
        self.code.copy(VALUE, AT);
        self.peek(VALUE, layout.task_signal, 8);
        self.peek(VALUE, layout.signal_threads, 4);
        self.code.store(R10, THREADS, VALUE);
        self.peek(AT, layout.task_files, 8);
        self.code.copy(AT, VALUE);
        self.peek(AT, layout.files_count, 4);
        self.code.load(R1, R10, THREADS);
        let by_threads = self.code.jump_if(VALUE, Condition::NotAbove(R1));
        self.flag(SHARED_TABLE);
        self.code.land(by_threads);
        self.peek(AT, layout.files_table, 8);
        self.code.copy(AT, VALUE);
    }

    /// Loads the open file into `AT`.
    fn find_file(&mut self, layout: &Layout) {
        const POINTER_BITS: i32 = 3;
        self.peek(AT, layout.table_size, 4);
        self.leave_if(NUMBER, Condition::NotBelow(VALUE));
        self.peek(AT, layout.table_entries, 8);
        self.code.shift_left(NUMBER, POINTER_BITS);
        self.code.add_register(VALUE, NUMBER);
        self.peek(VALUE, 0, 8);
        self.code.copy(AT, VALUE);
    }

    fn count(&mut self, layout: &Layout) {
        self.peek(AT, layout.file_count, 8);
        self.code.add(VALUE, layout.count_bias);
        self.code.store(R10, COUNT, VALUE);
    }

    /// Notes whether an epoll set watches the file. The list of sets may exist and be empty.
    fn watchers(&mut self, layout: &Layout) {
        self.peek(AT, layout.file_watchers, 8);
        let no_list = self.code.jump_if(VALUE, Condition::Is(0));
        self.peek(VALUE, 0, 8);
        let empty = self.code.jump_if(VALUE, Condition::Is(0));
        self.flag(WATCHED);
        self.code.land(no_list);
        self.code.land(empty);
    }

    fn answer(&mut self) {
        const SEQ: i16 = 0;
        self.code.store_number(R10, ANSWER, SIGNATURE as i32);
        self.code.load(R1, CONTEXT, META);
        self.code.load(R1, R1, SEQ);
        self.address(R2, ANSWER);
        self.code.set(R3, ANSWER_BYTES);
        self.code.call(Helper::SeqWrite);
        self.leave_if(R0, Condition::IsNot(0));
    }

    fn finish(mut self) -> Vec<Instruction> {
        const GO_ON: i32 = 0;
        const TRY_AGAIN: i32 = 1;
        self.code.set(R0, GO_ON);
        self.code.exit();
        for jump in self.without_answer {
            self.code.land(jump);
        }
        self.code.set(R0, TRY_AGAIN);
        self.code.exit();
        self.code.finish()
    }

    /// Reads 4 or 8 bytes at `from + offset` into `VALUE`.
    fn peek(&mut self, from: Register, offset: i32, bytes: i32) {
        self.code.store_number(R10, PEEKED, 0);
        self.address(R1, PEEKED);
        self.code.set(R2, bytes);
        self.code.copy(R3, from);
        self.code.add(R3, offset);
        self.code.call(Helper::ProbeReadKernel);
        self.leave_if(R0, Condition::IsNot(0));
        self.code.load(VALUE, R10, PEEKED);
    }

    fn flag(&mut self, flag: u64) {
        self.code.load(VALUE, R10, FLAGS);
        self.code.or(VALUE, flag as i32);
        self.code.store(R10, FLAGS, VALUE);
    }

    fn address(&mut self, to: Register, place: i16) {
        self.code.copy(to, R10);
        self.code.add(to, i32::from(place));
    }

    fn leave_if(&mut self, register: Register, condition: Condition) {
        self.without_answer.push(self.code.jump_if(register, condition));
    }
}
