"""A wheel from files, by wheel.py."""

load("@airgap_python//:python.bzl", "PYTHON")

def _py_wheel_impl(ctx):
    attr = ctx.attr
    tag = "-".join([attr.python_tag, attr.abi, attr.platform])
    name = "{}-{}-{}.whl".format(attr.distribution, attr.version, tag)
    wheel = ctx.actions.declare_file(name)
    package_files = depset(ctx.files.deps)
    metadata = {
        "classifiers": attr.classifiers,
        "description": ctx.file.description_file.path if ctx.file.description_file else "",
        "description_content_type": attr.description_content_type,
        "distribution": attr.distribution,
        "entry_points": attr.entry_points,
        "extra_distinfo_files": {
            target.files.to_list()[0].path: place
            for target, place in attr.extra_distinfo_files.items()
        },
        "files": {file.path: file.short_path for file in package_files.to_list()},
        "license": attr.license,
        "project_urls": attr.project_urls,
        "python_requires": attr.python_requires,
        "strip_path_prefixes": attr.strip_path_prefixes,
        "summary": attr.summary,
        "tag": tag,
        "version": attr.version,
    }
    description = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(description, json.encode(metadata))
    ctx.actions.run(
        executable = PYTHON,
        arguments = [ctx.file._program.path, description.path, wheel.path],
        inputs = depset(
            [ctx.file._program, description] + ctx.files.description_file +
            ctx.files.extra_distinfo_files,
            transitive = [package_files],
        ),
        outputs = [wheel],
        mnemonic = "PyWheel",
    )
    return [DefaultInfo(files = depset([wheel]), runfiles = ctx.runfiles([wheel]))]

py_wheel = rule(
    implementation = _py_wheel_impl,
    attrs = {
        "abi": attr.string(default = "none"),
        "classifiers": attr.string_list(),
        "deps": attr.label_list(allow_files = True),
        "description_content_type": attr.string(),
        "description_file": attr.label(allow_single_file = True),
        "distribution": attr.string(mandatory = True),
        "entry_points": attr.string_list_dict(),
        "extra_distinfo_files": attr.label_keyed_string_dict(allow_files = True),
        "license": attr.string(),
        "platform": attr.string(default = "any"),
        "project_urls": attr.string_dict(),
        "python_requires": attr.string(),
        "python_tag": attr.string(default = "py3"),
        "strip_path_prefixes": attr.string_list(),
        "summary": attr.string(),
        "version": attr.string(mandatory = True),
        "_program": attr.label(
            allow_single_file = True,
            default = Label("//python/private:wheel.py"),
        ),
    },
)
