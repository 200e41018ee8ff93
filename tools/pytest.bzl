"""A py_test that runs its sources under pytest."""

load("@rules_python//python:py_test.bzl", "py_test")

def pytest_test(name, srcs, deps, size = "medium", data = [], tags = [], env = {}, toolchains = []):
    """Runs pytest over `srcs`; arguments after `--test_arg` go to pytest.

    Args:
      name: the target's name.
      srcs: the files of tests.
      deps: what the tests import.
      size: the size of the test.
      data: the files that the tests read.
      tags: the tags of the test.
      env: the environment of the tests; Make variables are expanded.
      toolchains: targets with the Make variables that `env` uses.
    """
    py_test(
        name = name,
        size = size,
        srcs = srcs + [Label("//tools:run_pytest.py")],
        args = ["$(rootpath {})".format(src) for src in srcs],
        data = data + srcs,
        env = env,
        main = Label("//tools:run_pytest.py"),
        tags = tags,
        toolchains = toolchains,
        deps = deps + ["@pypi//pytest"],
    )
