"""`python -m registration.speech TEXT` writes TEXT, read aloud in French, as WAV to standard output."""

import ctypes
import io
import sys
import wave

import espeakng_loader

_RETRIEVAL = 1
_UTF8 = 1
_RATE, _GAP = 1, 7
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def speak(text, *, words_per_minute=110, gap=20):
    """`text` as WAV bytes; `gap` is the pause between words in tens of milliseconds.

    Once per process: the library is initialised for good.
    """
    library = ctypes.cdll.LoadLibrary(espeakng_loader.get_library_path())
    samples = bytearray()

    @_CALLBACK
    def collect(sound, count, _events):
        if sound and count > 0:
            samples.extend(ctypes.string_at(sound, count * 2))
        return 0

    rate = library.espeak_Initialize(_RETRIEVAL, 0, str(espeakng_loader.get_data_path()).encode(), 0)
    if rate <= 0:
        raise OSError("the speech library could not start")
    library.espeak_SetSynthCallback(collect)
    library.espeak_SetVoiceByName(b"fr")
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    library.espeak_SetParameter(_GAP, gap, 0)
    encoded = text.encode()
    library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()

    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(samples))
    return out.getvalue()


if __name__ == "__main__":
    sys.stdout.buffer.write(speak(sys.argv[1]))
