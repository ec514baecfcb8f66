"""Runs tests of the unittest kind and writes one line an event: `started`, `passed`, `failed`, `skipped`, and the test.

A line is written when the thing happens: of a run that hangs or crashes all that came before is known. The file is
opened for each line, as tests close descriptors that they do not know.

usage: outcomes.py FILE SETTING LEFT-OUT... -- MODULE...
SETTING is Python code that is executed first; a LEFT-OUT is a pattern of test names.
"""

import fnmatch
import os
import sys
import unittest


class Result(unittest.TextTestResult):
    file = None

    def note(self, event, test):
        with open(self.file, "a") as lines:
            lines.write(f"{event}\t{test.id()}\n")

    def startTest(self, test):
        super().startTest(test)
        self.note("started", test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note("passed", test)

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.note("passed", test)

    def addError(self, test, error):
        super().addError(test, error)
        self.note("failed", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note("failed", test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note("failed", test)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self.note("failed", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note("skipped", test)


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.BaseTestSuite):
            yield from flat(test)
        else:
            yield test


def main():
    file, setting, *rest = sys.argv[1:]
    Result.file = os.path.abspath(file)
    split = rest.index("--")
    left_out, modules = rest[:split], rest[split + 1 :]
    exec(setting, {})
    tests = flat(unittest.defaultTestLoader.loadTestsFromNames(modules))
    kept = [test for test in tests if not any(fnmatch.fnmatch(test.id(), name) for name in left_out)]
    runner = unittest.TextTestRunner(resultclass=Result, verbosity=2, warnings="ignore")
    sys.exit(not runner.run(unittest.TestSuite(kept)).wasSuccessful())


# Children of multiprocessing import this file again.
if __name__ == "__main__":
    main()
