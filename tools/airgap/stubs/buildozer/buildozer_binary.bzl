"""An extension of the name that `bazel_tools` asks for; `bazel mod tidy` alone would use it."""

buildozer_binary = module_extension(implementation = lambda module_ctx: None)
