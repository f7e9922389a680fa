"""Every command: where it is defined, and its line of help, in the groups in which a user meets them."""

from collections.abc import Mapping

GROUPS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Data": {
        "index": ("flows.data.command:index", "Index a folder, webdataset tars or Parquet files of images"),
        "retry": ("flows.data.command:retry", "Read again the files that could not be read"),
        "attributes": ("flows.data.command:attributes", "Import image attributes"),
        "predictions": ("flows.data.command:predictions", "Import a model's predictions"),
        "features": ("flows.features.command:features", "Import, export, read features"),
    },
    "Features and maps": {
        "encoders": ("flows.features.extract_command:encoders", "List the encoders that can be named"),
        "extract": (
            "flows.features.extract_command:extract",
            "Extract features with one or more encoders, decoding once",
        ),
        "align": ("flows.maps.align_command:align", "Fit the linear map from one encoder's space to another's"),
        "maps": ("flows.maps.command:maps", "List, import, export and measure linear maps"),
    },
    "Concepts": {
        "concepts": ("flows.concepts.command:concepts", "Add, import, refine, list concept banks"),
        "score": ("flows.scores.score_command:score", "Materialise the similarity of every image to every concept"),
        "trust": ("flows.trust.command:trust", "Mark which concepts may be believed, and say why"),
    },
    "Ask": {
        "summary": ("flows.scores.command:summary", "Describe a dataset by its concepts"),
        "top": ("flows.scores.command:top", "Show the images most (or least) similar to a concept"),
        "find": ("flows.scores.command:find", "Retrieve images by concept logic"),
        "shift": ("flows.shift.command:shift", "Compare two datasets or slices, concept by concept"),
        "zeroshot": ("flows.zeroshot.command:zeroshot", "Classify with class names as concepts"),
        "sql": ("flows.scores.command:sql", "Run one SELECT over the store's views"),
        "classes": ("flows.reading.command:classes", "Rank classes by their similarity to concepts"),
        "hard": ("flows.reading.command:hard", "Show images that lack what their class usually has"),
        "cooccur": ("flows.reading.command:cooccur", "Show which concepts come together"),
        "slices": ("flows.reading.command:slices", "Say in words where a model fails"),
    },
    "Models in words": {
        "cbm": ("flows.bottleneck.command:cbm", "Fit, explain and edit concept bottleneck models"),
        "decode": ("flows.decode.command:decode", "Put vectors into words: heads, classes, clusters, shifts"),
        "study": ("flows.study.command:study", "Ask people whether decoded words fit"),
    },
    "The paper": {
        "suite": ("flows.suite.command:suite", "Test encoders at the zero-shot tasks of the paper"),
        "pairs": ("flows.laboratory.command:pairs", "Align every encoder with every other and judge each pair"),
        "curves": ("flows.laboratory.command:curves", "Draw quality against the samples or classes fitted"),
        "components": ("flows.laboratory.command:components", "Compare principal components of encoders"),
        "objectives": (
            "flows.objectives.command:objectives",
            "Compare the aligner's objectives by zero-shot accuracy",
        ),
        "prompt": ("flows.concepts.prompt_command:prompt", "Compare concept logic with one combined prompt"),
        "plan": ("flows.recipes.command:plan", "Say what a recipe costs before it is run"),
        "run": ("flows.recipes.command:run", "Run a recipe: data, features, concepts, commands"),
    },
    "Put together": {
        "report": ("flows.report.command:report", "Write the audit as one HTML file"),
        "audit": ("flows.audit.command:audit", "Run everything from one YAML file"),
    },
    "Look after": {
        "explain": ("flows.upkeep.command:explain", "Say what an artifact is, what made it, what it rests on"),
        "verify": ("flows.upkeep.command:verify", "Check every committed byte against its digest"),
        "compact": ("flows.upkeep.command:compact", "Merge the small files of many appends"),
        "gc": ("flows.upkeep.command:gc", "Remove what killed runs left behind"),
        "doctor": ("flows.upkeep.command:doctor", "Check this machine: versions, devices, store, weights"),
    },
}
"""Heading -> command name -> (where it is defined, one-line help), so that --help imports nothing."""

COMMANDS = {name: one for group in GROUPS.values() for name, one in group.items()}
"""Every command by name."""
