"""Every command: where it is defined, and its line of help, in the groups in which a user meets them."""

from collections.abc import Mapping

GROUPS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Data": {
        "index": ("t2c.flows.data.command:index", "Index a folder, webdataset tars or Parquet files of images"),
        "retry": ("t2c.flows.data.command:retry", "Read again the files that could not be read"),
        "attributes": ("t2c.flows.data.command:attributes", "Import image attributes"),
        "predictions": ("t2c.flows.data.command:predictions", "Import a model's predictions"),
        "features": ("t2c.flows.features.command:features", "Import, export, read features"),
    },
    "Features and maps": {
        "encoders": ("t2c.flows.features.extract_command:encoders", "List the encoders that can be named"),
        "extract": (
            "t2c.flows.features.extract_command:extract",
            "Extract features with one or more encoders, decoding once",
        ),
        "align": ("t2c.flows.maps.align_command:align", "Fit the linear map from one encoder's space to another's"),
        "maps": ("t2c.flows.maps.command:maps", "List, import, export and measure linear maps"),
        "heads": ("t2c.flows.maps.command:heads", "Show the classes of an encoder's own head"),
    },
    "Concepts": {
        "concepts": ("t2c.flows.concepts.command:concepts", "Add, import, refine, list concept banks"),
        "score": ("t2c.flows.scores.score_command:score", "Materialise the similarity of every image to every concept"),
        "trust": ("t2c.flows.trust.command:trust", "Mark which concepts may be believed, and say why"),
    },
    "Ask": {
        "summary": ("t2c.flows.scores.command:summary", "Describe a dataset by its concepts"),
        "top": ("t2c.flows.scores.command:top", "Show the images most (or least) similar to a concept"),
        "find": ("t2c.flows.scores.command:find", "Retrieve images by concept logic"),
        "shift": ("t2c.flows.shift.command:shift", "Compare two datasets or slices, concept by concept"),
        "selftest": ("t2c.flows.selftest.command:selftest", "Say how often a dataset's own halves would be flagged"),
        "zeroshot": ("t2c.flows.zeroshot.command:zeroshot", "Classify with class names as concepts"),
        "sql": ("t2c.flows.scores.command:sql", "Run one SELECT over the store's views"),
        "classes": ("t2c.flows.reading.command:classes", "Rank classes by their similarity to concepts"),
        "hard": ("t2c.flows.reading.command:hard", "Show images that lack what their class usually has"),
        "cooccur": ("t2c.flows.reading.command:cooccur", "Show which concepts come together"),
        "slices": ("t2c.flows.reading.command:slices", "Say in words where a model fails"),
    },
    "Models in words": {
        "cbm": ("t2c.flows.bottleneck.command:cbm", "Fit, explain and edit concept bottleneck models"),
        "decode": ("t2c.flows.decode.command:decode", "Put vectors into words: heads, classes, clusters, shifts"),
        "study": ("t2c.flows.study.command:study", "Ask people whether decoded words fit"),
    },
    "The paper": {
        "suite": ("t2c.flows.suite.command:suite", "Test encoders at the zero-shot tasks of the paper"),
        "pairs": ("t2c.flows.laboratory.command:pairs", "Align every encoder with every other and judge each pair"),
        "curves": ("t2c.flows.laboratory.command:curves", "Draw quality against the samples or classes fitted"),
        "components": ("t2c.flows.laboratory.command:components", "Compare principal components of encoders"),
        "objectives": (
            "t2c.flows.objectives.command:objectives",
            "Compare the aligner's objectives by zero-shot accuracy",
        ),
        "prompt": ("t2c.flows.concepts.prompt_command:prompt", "Compare concept logic with one combined prompt"),
        "plan": ("t2c.flows.recipes.command:plan", "Say what a recipe costs before it is run"),
        "run": ("t2c.flows.recipes.command:run", "Run a recipe: data, features, concepts, commands"),
    },
    "Put together": {
        "demo": ("t2c.flows.demo.command:demo", "Run the whole job on a drawn world and check the answers"),
        "report": ("t2c.flows.report.command:report", "Write the audit as one HTML file"),
        "audit": ("t2c.flows.audit.command:audit", "Run everything from one YAML file"),
    },
    "Look after": {
        "explain": ("t2c.flows.upkeep.command:explain", "Say what an artifact is, what made it, what it rests on"),
        "verify": ("t2c.flows.upkeep.command:verify", "Check every committed byte against its digest"),
        "compact": ("t2c.flows.upkeep.command:compact", "Merge the small files of many appends"),
        "gc": ("t2c.flows.upkeep.command:gc", "Remove what killed runs left behind"),
        "doctor": ("t2c.flows.upkeep.command:doctor", "Check this machine: versions, devices, store, weights"),
    },
}
"""Heading -> command name -> (where it is defined, one-line help), so that --help imports nothing."""

COMMANDS = {name: one for group in GROUPS.values() for name, one in group.items()}
"""Every command by name."""
