"""The quantities of the reference implementation ``emva1288`` of the EMVA, from arrays instead of files."""

import logging

import numpy as np


def reference(arrays, darks_of):
    """symbol -> value of ``Results1288``, for the packaged EMVA set.

    arrays: of the set. darks_of: exposure time in ns -> (exposure time for the reference, dark pairs that it has).
    """
    if not hasattr(np, "asfarray"):  # the reference calls it, and NumPy 2 has it no longer
        np.asfarray = lambda values: np.asarray(values, float)
    from emva1288.process.data import Data1288
    from emva1288.process.results import Results1288
    from emva1288.process.routines import get_int_imgs

    def sums(pair):
        found = get_int_imgs(list(pair))
        return {"sum": found["sum"].sum(), "pvar": found["pvar"].sum(), "dmean": found["dmean"]}

    def mean(pairs):
        every = [sums(pair) for pair in pairs]
        pixels = pairs[0][0].size
        variance = np.mean([each["pvar"] - 2 * pixels * each["dmean"] ** 2 for each in every])
        return {"sum": np.mean([each["sum"] for each in every]), "pvar": variance, "dmean": 0.0}

    temporal = {}
    for time, photons, pair in zip(arrays["exposure_ns"], arrays["photons"], arrays["pairs"], strict=True):
        time, darks = darks_of(time)
        temporal.setdefault(time, {0.0: mean(darks)})[photons] = sums(pair)
    stacks = {0.0: get_int_imgs(list(arrays["stack_dark"])), 1.0: get_int_imgs(list(arrays["stack_bright"]))}
    height, width = arrays["stack_dark"].shape[1:]
    data = Data1288({"temporal": temporal, "spatial": {1.0: stacks}, "height": height, "width": width}).data
    found = Results1288(data, loglevel=logging.WARNING)
    names = ("K", "sigma_y_dark", "sigma_d", "u_e_min", "u_p_min", "u_e_sat", "u_p_sat", "R", "QE", "SNR_max", "DR")
    names += ("LE_min", "LE_max", "PRNU1288", "DSNU1288")
    values = {name: float(getattr(found, name)) for name in names}
    return values | {"SNR_max_dB": float(found.SNR_max_dB()), "DR_dB": float(found.DR_dB())}
