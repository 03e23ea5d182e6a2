"""`python -m registration.speech CHARACTERS SEED` reads them aloud in French, as WAV on standard output.

Each character is spelled (« F comme fleur ») in a voice, pace, pitch and tone of its own, over other voices said
backwards, noise and hum, so that a recording of one clip does not recognise the next. The speech stays
`SPEECH_OVER_BACKGROUND` decibels above the rest.
"""

import ctypes
import io
import math
import random
import sys
import wave
from array import array
from dataclasses import dataclass
from itertools import cycle, islice

import espeakng_loader

VARIANTS = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8")
VARIANTS += ("Annie", "Alicia", "anika", "adam", "Michael", "Gene", "Andrea", "Diogo", "linda", "steph", "victor")
NAMES = {"Y": "i grec"}
WORDS = {
    "A": ("avion", "arbre", "Anatole", "ananas", "abeille", "amande"),
    "F": ("fleur", "François", "forêt", "fenêtre", "farine", "fumée"),
    "H": ("hôtel", "Henri", "hiver", "herbe", "hibou", "horloge"),
    "J": ("jardin", "Joseph", "jambon", "jupe", "janvier", "journal"),
    "K": ("kilo", "Karim", "kayak", "kiwi", "kangourou", "koala"),
    "L": ("lune", "Louis", "livre", "lavande", "lapin", "limonade"),
    "R": ("radio", "Raoul", "rivière", "renard", "robe", "rideau"),
    "X": ("xylophone", "Xavier", "Xavière", "xérès", "xylographe"),
    "Y": ("yaourt", "Yvonne", "yoga", "Yann", "Yémen", "Yolande"),
}
NUMBERS = ("le chiffre {}", "chiffre {}", "le nombre {}", "nombre {}", "{}, un chiffre", "{}, un nombre")
ELSEWHERE = (
    "demain matin nous partirons à la campagne avec toute la famille si le temps le permet",
    "la réunion se tiendra dans la grande salle du fond, pensez à apporter vos dossiers",
    "il avait oublié son parapluie sur le banc, devant la boulangerie de la place du marché",
    "les enfants jouent dehors pendant que la soupe chauffe doucement sur le feu",
)
SPEECH_OVER_BACKGROUND = 11

_RETRIEVAL = 1
_UTF8 = 1
_PACE, _PITCH, _RANGE = 1, 3, 4
_LOUDNESS = 3000
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class Utterance:
    """What one voice says: pace in words a minute, pitch and its range from 0 to 99 as espeak-ng counts them,
    `speed` a factor on the recording itself, `tone` from -1 (dull) to 1 (sharp), `pause` before it in seconds,
    `level` in decibels."""

    text: str
    variant: str
    pace: int
    pitch: int
    pitch_range: int
    speed: float
    tone: float
    pause: float
    level: float


def speak(text, seed):
    """`text` spelled, as WAV bytes. One seed makes one clip: it must be secret, or whoever knows it can make the same.

    Once per process: the library is initialised for good.
    """
    chance = random.Random(seed)
    synthesiser = Synthesiser()
    rate = synthesiser.rate
    speech, powers = [], []
    for utterance in utterances(text, chance):
        samples = _recorded(synthesiser, utterance)
        loudness = _LOUDNESS * 10 ** (utterance.level / 20)
        powers.append(loudness**2)
        speech += [0.0] * int(utterance.pause * rate) + _scaled(samples, loudness)
    speech += [0.0] * int(chance.uniform(0.3, 0.9) * rate)
    below = math.sqrt(sum(powers) / len(powers)) / 10 ** (SPEECH_OVER_BACKGROUND / 20)
    background = _scaled(_background(synthesiser, len(speech), chance), below)

    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        mixed = (max(-32767, min(32767, int(a + b))) for a, b in zip(speech, background, strict=True))
        sound.writeframes(array("h", mixed).tobytes())
    return out.getvalue()


def utterances(text, chance):
    """Who says what, how, one utterance a character."""
    return [_utterance(spelled(character, chance), chance) for character in text]


def spelled(character, chance):
    if character.isdigit():
        return chance.choice(NUMBERS).format(character)
    return f"{NAMES.get(character, character)}, comme {chance.choice(WORDS[character])}"


def _utterance(text, chance):
    return Utterance(
        text,
        chance.choice(VARIANTS),
        pace=chance.randint(105, 155),
        pitch=chance.randint(25, 75),
        pitch_range=chance.randint(25, 80),
        speed=chance.uniform(0.9, 1.12),
        tone=chance.uniform(-0.5, 0.5),
        pause=chance.uniform(0.35, 0.9),
        level=chance.uniform(-2, 2),
    )


def _background(synthesiser, length, chance):
    """Three voices said backwards, noise of some colour and hum: `length` samples, at whatever loudness."""
    rate = synthesiser.rate
    layers = []
    for text in chance.sample(ELSEWHERE, 3):
        layers.append((_recorded(synthesiser, _utterance(text, chance))[::-1], 1))
    noise, colour, last = [], chance.uniform(0.2, 0.9), 0.0
    for _ in range(2 * rate):
        last = colour * last + chance.uniform(-1, 1)
        noise.append(last)
    layers.append((noise, chance.uniform(0.7, 1.2)))
    # Whole waves in a second, so that repeating it makes no click.
    step = math.tau * chance.randint(48, 125) / rate
    layers.append(([math.sin(step * n) + math.sin(3 * step * n) / 2 for n in range(rate)], 0.4))
    repeated = []
    for samples, loudness in layers:
        start = chance.randrange(len(samples))
        repeated.append(islice(cycle(_scaled(samples, loudness)), start, start + length))
    return [sum(together) for together in zip(*repeated, strict=True)]


def _recorded(synthesiser, utterance):
    """What espeak-ng says, at another speed and with another tone."""
    samples = synthesiser.say(utterance)
    length = int(len(samples) / utterance.speed) - 1
    sped, last = [], 0
    for n in range(length):
        place = n * utterance.speed
        before = int(place)
        sample = samples[before] + (place - before) * (samples[before + 1] - samples[before])
        sped.append(sample - utterance.tone * last)
        last = sample
    return sped


def _scaled(samples, loudness):
    """The samples at this loudness (root mean square)."""
    factor = loudness / math.sqrt(math.fsum(sample * sample for sample in samples) / len(samples))
    return [sample * factor for sample in samples]


class Synthesiser:
    """espeak-ng, whose library is initialised for good: one a process. `rate` is in samples a second."""

    def __init__(self):
        self._library = ctypes.cdll.LoadLibrary(espeakng_loader.get_library_path())
        self._collected = array("h")
        # Kept: the library holds no reference, and calls it later.
        self._callback = _CALLBACK(self._collect)
        data = str(espeakng_loader.get_data_path()).encode()
        self.rate = self._library.espeak_Initialize(_RETRIEVAL, 0, data, 0)
        if self.rate <= 0:
            raise OSError("the speech library could not start")
        self._library.espeak_SetSynthCallback(self._callback)
        # The breath in a voice is chance too: one seed must make one clip.
        self._library.espeak_ng_SetRandSeed(1)

    def _collect(self, sound, count, _events):
        if sound and count > 0:
            self._collected.frombytes(ctypes.string_at(sound, count * 2))
        return 0

    def say(self, utterance):
        """Samples of 16 bits."""
        del self._collected[:]
        self._library.espeak_SetVoiceByName(f"fr+{utterance.variant}".encode())
        self._library.espeak_SetParameter(_PACE, utterance.pace, 0)
        self._library.espeak_SetParameter(_PITCH, utterance.pitch, 0)
        self._library.espeak_SetParameter(_RANGE, utterance.pitch_range, 0)
        encoded = utterance.text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return self._collected.tolist()


if __name__ == "__main__":
    sys.stdout.buffer.write(speak(*sys.argv[1:]))
