"""Every command: where it is defined, and its line of help, in the groups in which a user meets them."""

from collections.abc import Mapping

GROUPS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Data": {
        "index": ("flows.cli.data:index", "Index a folder, webdataset tars or Parquet files of images"),
        "retry": ("flows.cli.data:retry", "Read again the files that could not be read"),
        "attributes": ("flows.cli.data:attributes", "Import image attributes"),
        "predictions": ("flows.cli.data:predictions", "Import a model's predictions"),
        "features": ("flows.cli.features:features", "Import, export, read features"),
    },
    "Features and maps": {
        "encoders": ("flows.cli.models:encoders", "List the encoders that can be named"),
        "extract": ("flows.cli.models:extract", "Extract features with one or more encoders, decoding once"),
        "align": ("flows.cli.align:align", "Fit the linear map from one encoder's space to another's"),
        "maps": ("flows.cli.maps:maps", "List, import, export and measure linear maps"),
    },
    "Concepts": {
        "concepts": ("flows.cli.concepts:concepts", "Add, import, refine, list concept banks"),
        "score": ("flows.cli.models:score", "Materialise the similarity of every image to every concept"),
        "trust": ("flows.cli.trust:trust", "Mark which concepts may be believed, and say why"),
    },
    "Ask": {
        "summary": ("flows.cli.ask:summary", "Describe a dataset by its concepts"),
        "top": ("flows.cli.ask:top", "Show the images most (or least) similar to a concept"),
        "find": ("flows.cli.ask:find", "Retrieve images by concept logic"),
        "shift": ("flows.cli.ask:shift", "Compare two datasets or slices, concept by concept"),
        "zeroshot": ("flows.cli.ask:zeroshot", "Classify with class names as concepts"),
        "sql": ("flows.cli.ask:sql", "Run one SELECT over the store's views"),
        "classes": ("flows.cli.reading:classes", "Rank classes by their similarity to concepts"),
        "hard": ("flows.cli.reading:hard", "Show images that lack what their class usually has"),
        "cooccur": ("flows.cli.reading:cooccur", "Show which concepts come together"),
        "slices": ("flows.cli.reading:slices", "Say in words where a model fails"),
    },
    "Models in words": {
        "cbm": ("flows.cli.cbm:cbm", "Fit, explain and edit concept bottleneck models"),
        "decode": ("flows.cli.decode:decode", "Put vectors into words: heads, classes, clusters, shifts"),
        "study": ("flows.cli.study:study", "Ask people whether decoded words fit"),
    },
    "The paper": {
        "suite": ("flows.cli.suite:suite", "Test encoders at the zero-shot tasks of the paper"),
        "pairs": ("flows.cli.laboratory:pairs", "Align every encoder with every other and judge each pair"),
        "curves": ("flows.cli.laboratory:curves", "Draw quality against the samples or classes fitted"),
        "components": ("flows.cli.laboratory:components", "Compare principal components of encoders"),
        "objectives": ("flows.cli.objectives:objectives", "Compare the aligner's objectives by zero-shot accuracy"),
        "prompt": ("flows.cli.prompt:prompt", "Compare concept logic with one combined prompt"),
        "plan": ("flows.cli.recipes:plan", "Say what a recipe costs before it is run"),
        "run": ("flows.cli.recipes:run", "Run a recipe: data, features, concepts, commands"),
    },
    "Put together": {
        "report": ("flows.cli.run:report", "Write the audit as one HTML file"),
        "audit": ("flows.cli.run:audit", "Run everything from one YAML file"),
    },
    "Look after": {
        "explain": ("flows.cli.care:explain", "Say what an artifact is, what made it, what it rests on"),
        "verify": ("flows.cli.care:verify", "Check every committed byte against its digest"),
        "compact": ("flows.cli.care:compact", "Merge the small files of many appends"),
        "gc": ("flows.cli.care:gc", "Remove what killed runs left behind"),
        "doctor": ("flows.cli.care:doctor", "Check this machine: versions, devices, store, weights"),
    },
}
"""Heading -> command name -> (where it is defined, one-line help), so that --help imports nothing."""

COMMANDS = {name: one for group in GROUPS.values() for name, one in group.items()}
"""Every command by name."""
