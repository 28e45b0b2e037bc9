"""Three questions to a study, answered with pandas. Cell by cell in an editor that knows ``# %%``, or as a whole.

python examples/questions.py fer-output
"""

# %% What was analysed
import sys

import pandas as pd

import fer_batch

OUT = sys.argv[1] if len(sys.argv) > 1 else "fer-output"
pd.set_option("display.width", 120, "display.max_columns", 20, "display.precision", 2)

recordings = fer_batch.recordings(OUT)
print(recordings[["recording", "status", "duration_s", "tracks", "rows"]].to_string(index=False))

# %% Who smiled, for how long, and when first?
episodes = fer_batch.episodes(OUT)
smiles = episodes[episodes["emotion"] == "happy"].groupby(["recording", "track"])
smiled = smiles.agg(first_s=("start_s", "min"), smiles=("start_s", "size"), seconds=("duration_s", "sum"))
print("\nSmiles")
print(smiled.reset_index().to_string(index=False) if len(smiled) else "none")

# %% How does happiness unfold?
# Tracks first, then recordings: neither a crowd nor a long recording outweighs the others.
windows = fer_batch.resample(OUT, 5)
means = windows.groupby(["recording", "start_s"])["happy"].mean().groupby("start_s").agg(["mean", "count"])
print("\nHappy, mean over recordings in windows of 5 s")
print(means.rename(columns={"mean": "happy", "count": "recordings"}).reset_index().to_string(index=False))

# %% Which recordings need a human look?
rows = fer_batch.load(OUT, columns=["frame", "confidence", "interpolated"])
# Results of old versions do not say what was interpolated.
rows["interpolated"] = rows["interpolated"].astype("boolean").fillna(False)
found = rows.groupby("recording").agg(
    frames=("frame", "nunique"), confidence=("confidence", "mean"), interpolated=("interpolated", "mean")
)
looks = recordings.set_index("recording").join(found)
seen = looks["frames"].fillna(0) / looks["frames_analysed"]
damaged = looks[["damaged_packets", "damaged_frames", "repaired_times"]].sum(axis=1)
reasons = pd.DataFrame(
    {
        "not done": looks["status"] != "done",
        "damaged": damaged > 0,
        "a face in under half of the frames": seen < 0.5,
        "a tenth interpolated": looks["interpolated"] > 0.1,
        "low confidence": looks["confidence"] < 0.5,
    }
).fillna(False)
print("\nTo look at")
why = {name: ", ".join(reasons.columns[row]) for name, row in zip(reasons.index, reasons.to_numpy(bool), strict=True)}
print("\n".join(f"{name}: {said}" for name, said in why.items() if said) or "none")
