"""Cases of a script: functions that are given an empty folder and say what is wrong; run in order, printed as TAP."""
import sys
import tempfile


class Cases:
    """decorates the functions with their names"""

    def __init__(self):
        self.functions = []

    def __call__(self, name):
        def add(function):
            self.functions.append((name, function))
            return function
        return add

    def run(self):
        """-> the exit status"""
        print(f'1..{len(self.functions)}', flush=True)
        failures = 0
        for number, (name, function) in enumerate(self.functions, 1):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    problems = function(folder)
                except Exception as e:  # a case that breaks is a failure, and the others still count
                    problems = [f'{type(e).__name__}: {e}']
            failures += bool(problems)
            print('not ok' if problems else 'ok', number, '-', name)
            for problem in problems:
                print('#', str(problem).replace('\n', '\n# '))
            sys.stdout.flush()
        return 1 if failures else 0
