//! A small assembler for BPF: the instructions that the program needs.
//!
//! The instructions are described in `Documentation/bpf/standardization/instruction-set.rst` of
//! Linux. The numbers of helpers are those of `include/uapi/linux/bpf.h`.

/// One instruction, as the kernel takes it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    code: u8,
    /// The destination in the lower half, the source in the upper.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// A register. A call puts its result into `R0`, takes its arguments from `R1` on, and does not
/// change `R6` to `R9`. `R10` is the end of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Register {
    R0,
    R1,
    R2,
    R3,
    R6 = 6,
    R7,
    R8,
    R9,
    R10,
}

/// A function of the kernel that a program may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Helper {
    ProbeReadKernel = 113,
    SeqWrite = 127,
    GetCurrentTaskBtf = 158,
    TaskPtRegs = 175,
}

/// When a jump is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The register is the number.
    Is(i32),
    /// The register is not the number.
    IsNot(i32),
    /// The register is not below the other one.
    NotBelow(Register),
    /// The register is not above the other one.
    NotAbove(Register),
}

/// A jump whose target is not written yet.
#[must_use]
#[derive(Debug)]
pub struct Jump(usize);

/// A program that is being written.
#[derive(Debug, Default)]
pub struct Assembler {
    code: Vec<Instruction>,
}

impl Assembler {
    /// `to = from`
    pub fn copy(&mut self, to: Register, from: Register) {
        self.push(0xbf, to, from, 0, 0);
    }

    /// `to = number`
    pub fn set(&mut self, to: Register, number: i32) {
        self.push(0xb7, to, Register::R0, 0, number);
    }

    /// `to += number`
    pub fn add(&mut self, to: Register, number: i32) {
        self.push(0x07, to, Register::R0, 0, number);
    }

    /// `to += other`
    pub fn add_register(&mut self, to: Register, other: Register) {
        self.push(0x0f, to, other, 0, 0);
    }

    /// `to <<= bits`
    pub fn shift_left(&mut self, to: Register, bits: i32) {
        self.push(0x67, to, Register::R0, 0, bits);
    }

    /// `to |= number`
    pub fn or(&mut self, to: Register, number: i32) {
        self.push(0x47, to, Register::R0, 0, number);
    }

    /// `to = *(u64 *)(from + offset)`
    pub fn load(&mut self, to: Register, from: Register, offset: i16) {
        self.push(0x79, to, from, offset, 0);
    }

    /// `*(u64 *)(to + offset) = from`
    pub fn store(&mut self, to: Register, offset: i16, from: Register) {
        self.push(0x7b, to, from, offset, 0);
    }

    /// `*(u64 *)(to + offset) = number`
    pub fn store_number(&mut self, to: Register, offset: i16, number: i32) {
        self.push(0x7a, to, Register::R0, offset, number);
    }

    /// `R0 = helper(R1, R2, ...)`
    pub fn call(&mut self, helper: Helper) {
        self.push(0x85, Register::R0, Register::R0, 0, helper as i32);
    }

    /// `return R0`
    pub fn exit(&mut self) {
        self.push(0x95, Register::R0, Register::R0, 0, 0);
    }

    /// `if (register condition) goto`. [`Self::land`] sets the target.
    pub fn jump_if(&mut self, register: Register, condition: Condition) -> Jump {
        let jump = Jump(self.code.len());
        match condition {
            Condition::Is(number) => self.push(0x15, register, Register::R0, 0, number),
            Condition::IsNot(number) => self.push(0x55, register, Register::R0, 0, number),
            Condition::NotBelow(other) => self.push(0x3d, register, other, 0, 0),
            Condition::NotAbove(other) => self.push(0xbd, register, other, 0, 0),
        }
        jump
    }

    /// Makes the next instruction the target of the jump.
    pub fn land(&mut self, jump: Jump) {
        let distance = self.code.len() - jump.0 - 1;
        if let (Some(instruction), Ok(distance)) = (self.code.get_mut(jump.0), i16::try_from(distance)) {
            instruction.offset = distance;
        }
    }

    /// The instructions.
    pub fn finish(self) -> Vec<Instruction> {
        self.code
    }

    fn push(&mut self, code: u8, to: Register, from: Register, offset: i16, immediate: i32) {
        let registers = (from as u8) << 4 | to as u8;
        self.code.push(Instruction { code, registers, offset, immediate });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_and_jumps_are_where_the_kernel_looks_for_them() {
        let mut code = Assembler::default();
        code.copy(Register::R6, Register::R1);
        let jump = code.jump_if(Register::R6, Condition::Is(0));
        code.set(Register::R9, -1);
        code.land(jump);
        code.exit();
        let code = code.finish();
        assert_eq!(size_of::<Instruction>(), 8);
        assert_eq!(code[0], Instruction { code: 0xbf, registers: 0x16, offset: 0, immediate: 0 });
        assert_eq!(code[1], Instruction { code: 0x15, registers: 0x06, offset: 1, immediate: 0 });
        assert_eq!(code[2], Instruction { code: 0xb7, registers: 0x09, offset: 0, immediate: -1 });
    }
}
